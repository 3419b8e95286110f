//! Answers that no registry gives on demand, from a server of our own.
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use thyme_core::{Kind, Result, Secret};
use thyme_kafka::SchemaRegistry;
use thyme_kafka::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::cases::client;

/// Answers each request with the next of `answers`, the last one for ever; what was asked, and the URL.
async fn serve(answers: &[&str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (seen, answers) = (Arc::clone(&asked), answers.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            seen.lock().unwrap().push(String::from_utf8_lossy(&request[..read]).into_owned());
            let (status, body) = answers[number.min(answers.len() - 1)].split_once('\n').unwrap();
            let length = body.len();
            let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    (url, asked)
}

const GOOD: &str = "200 OK\n{\"schema\":\"\\\"long\\\"\"}";

pub(crate) async fn auth() -> Result<()> {
    let (url, asked) = serve(&[GOOD]).await;
    let with = |username: Option<&str>, password: &str| {
        let config = SchemaRegistry {
            url: url.clone(),
            username: username.map(Secret::new),
            password: Some(Secret::new(password)),
            ca: None,
        };
        Registry::new(&config)
    };
    with(Some("ann"), "s3cret")?.schema(1).await?;
    with(None, "t0ken")?.schema(1).await?;
    let asked = asked.lock().unwrap().clone();
    assert!(asked[0].to_lowercase().contains("authorization: basic") && asked[0].contains("YW5uOnMzY3JldA=="), "{}", asked[0]);
    assert!(asked[1].to_lowercase().contains("authorization: bearer") && asked[1].contains("t0ken"), "{}", asked[1]);
    for status in ["401 Unauthorized\n{\"error_code\":40101,\"message\":\"who?\"}", "403 Forbidden\n"] {
        let (url, asked) = serve(&[status]).await;
        let config = SchemaRegistry { url, username: Some(Secret::new("ann")), password: Some(Secret::new("s3cret")), ca: None };
        let registry = Registry::new(&config)?;
        let started = Instant::now();
        let error = registry.schema(1).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Auth, "{error}");
        assert!(started.elapsed() < Duration::from_secs(2) && asked.lock().unwrap().len() == 1, "asked once");
        assert!(!format!("{error} {error:?} {registry:?}").contains("s3cret"));
    }
    Ok(())
}

pub(crate) async fn tries() -> Result<()> {
    let (url, asked) = serve(&["503 Busy\n", "429 Slow\n{\"message\":\"slow down\"}", "500 Oh\n<html>", GOOD]).await;
    assert_eq!(client(url).schema(7).await?.schema, "\"long\"");
    assert_eq!(asked.lock().unwrap().len(), 4);
    let (url, asked) = serve(&["500 Oh\n{\"error_code\":50001,\"message\":\"the store is gone.\"}"]).await;
    let error = client(url).schema(7).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.message(), "the schema registry fails: the store is gone");
    assert_eq!(asked.lock().unwrap().len(), 4);
    Ok(())
}

pub(crate) async fn next_url() -> Result<()> {
    let (url, _) = serve(&[GOOD]).await;
    // Nothing listens at a port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    client(format!("http://{closed}, {url}/")).schema(1).await?;
    let error = client(format!("http://{closed}")).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    Ok(())
}

pub(crate) async fn kinds() -> Result<()> {
    for (answer, kind) in [
        ("404 Not Found\n{\"error_code\":40403,\"message\":\"Schema not found\"}", Kind::NotFound),
        ("409 Conflict\n{\"error_code\":409,\"message\":\"incompatible\"}", Kind::Schema),
        ("422 Odd\n{\"error_code\":42201,\"message\":null}", Kind::Schema),
        ("400 Bad\n", Kind::Unsupported),
        ("200 OK\nno json", Kind::Unexpected),
        ("200 OK\n{\"schema\":\"x\",\"schemaType\":\"PROTOBUF\"}", Kind::Unsupported),
    ] {
        let (url, _) = serve(&[answer]).await;
        assert_eq!(client(url).schema(1).await.unwrap_err().kind(), kind, "{answer}");
    }
    for url in ["", "nonsense", "ftp://host", "http://ann:s3cret@host"] {
        let error = Registry::new(&SchemaRegistry { url: url.into(), username: None, password: None, ca: None }).unwrap_err();
        assert!(error.kind() == Kind::Config && !error.to_string().contains("s3cret"), "{error}");
    }
    Ok(())
}

pub(crate) async fn silent() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        // Each connection ends in the middle of its answer.
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"schema\"").await;
        }
    });
    assert_eq!(client(url).schema(1).await.unwrap_err().kind(), Kind::Unavailable);
    Ok(())
}
