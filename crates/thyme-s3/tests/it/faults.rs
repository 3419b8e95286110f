//! A server that only breaks: each fault by its kind.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use thyme_core::{Kind, Result, Source};
use thyme_s3::S3Source;
use thyme_testkit::Suite;
use thyme_testkit::drive::Durable;
use thyme_testkit::proxy::{Faults, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::reading::{lines, poll};
use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.case("refusals_have_their_kinds", kinds).case("a_body_that_breaks_off_is_asked_for_again", broken_off)
}

/// Answers every request in this way; how many there were.
async fn stub(status: &'static str, code: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut request = vec![0; 16_384];
                if stream.read(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
                let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n", body.len());
                let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await;
            });
        }
    });
    (url, count)
}

async fn kinds() -> Result<()> {
    for (status, code, kind, says) in [
        ("403 Forbidden", "RequestTimeTooSkewed", Kind::Auth, "clock"),
        ("403 Forbidden", "AccessDenied", Kind::Auth, "do not allow"),
        ("400 Bad Request", "ExpiredToken", Kind::Auth, "expired"),
        ("404 Not Found", "NoSuchBucket", Kind::NotFound, "bucket"),
        ("503 Slow Down", "SlowDown", Kind::RateLimited, "slow down"),
    ] {
        let (url, count) = stub(status, code).await;
        let config = json!({"bucket_uri": "s3://b/*", "endpoint_url": url, "access_key": "k", "secret": "s", "region": "x"});
        let source = S3Source::new(serde_json::from_value(config).unwrap());
        let error = source.check().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}: {error}");
        assert!(error.message().contains(says), "{code}: {error}");
        let tried = count.load(Ordering::SeqCst);
        assert_eq!(tried > 1, kind == Kind::RateLimited, "{code} was tried {tried} times");
    }
    Ok(())
}

/// Connections are cut in the middle of their answers.
async fn broken_off() -> Result<()> {
    let Ok(folder) = Folder::new() else { return Ok(()) };
    let filler = "x".repeat(1_000);
    for part in 0..4 {
        let ids = part * 4_000..(part + 1) * 4_000;
        let text: String = ids.map(|id| format!("{{\"id\":{id},\"tick\":{id},\"text\":\"{filler}\"}}\n")).collect();
        folder.put(&format!("{part}.jsonl"), text).await;
    }
    folder.put("small.jsonl", lines(16_000..16_010)).await;
    let proxy = Proxy::start(folder.url.trim_start_matches("http://").parse().unwrap()).await?;
    let source = folder.source("*.jsonl", json!({"endpoint_url": format!("http://{}", proxy.address())}));
    // Less than a request asks for: each body breaks off once or more.
    proxy.set(Faults { cut_after: Some(700_000), ..Faults::default() });
    let mut durable = Durable::default();
    let mut last = None;
    for _ in 0..10 {
        match poll(&source, &mut durable).await {
            Ok(ids) => {
                assert_eq!(ids, (0..16_010).collect::<Vec<_>>());
                return Ok(());
            }
            // What a request can't mend is tried again by the engine.
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unavailable, "{error}");
                last = Some(error);
            }
        }
    }
    panic!("it never came to its end: {} rows, {last:?}", durable.ids()?.len());
}
