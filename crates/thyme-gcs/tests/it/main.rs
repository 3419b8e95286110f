//! GCS on a real server: what is read, what is written, and what is refused. The server knows no credentials, and does not
//! check the conditions of a rewrite.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};
use thyme_core::{Job, Kind, Result, Source, Task};
use thyme_gcs::{GcsSink, GcsSource};
use thyme_testkit::Suite;
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::objects::{Program, Server, missing};
use thyme_testkit::rows;

mod writing;

fn main() -> ExitCode {
    let suite = Suite::new("gcs").needs(missing(Program::FakeGcs));
    let suite = suite
        .case("objects_are_read_once", read_once)
        .case("an_object_written_again_is_told_by_its_etag", changed)
        .case("a_large_object_comes_whole", large)
        .case("what_is_wrong_is_said", wrong);
    thyme_testkit::main([writing::cases(suite)])
}

struct Bucket {
    server: &'static Server,
    name: String,
}

impl Bucket {
    fn new() -> Result<Self> {
        let server = Server::shared(Program::FakeGcs)?;
        Ok(Self { server, name: server.bucket("bucket")? })
    }

    /// Uploads an object as Google's own tools do.
    fn put(&self, name: &str, text: &str) {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.server.port())).unwrap();
        let path = format!(
            "/upload/storage/v1/b/{}/o?uploadType=media&name={}",
            self.name,
            name.replace("/", "%2F").replace(" ", "%20")
        );
        let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}", self.server.port(), text.len());
        write!(stream, "{head}\r\nConnection: close\r\n\r\n{text}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn source(&self, path: &str, extra: Value) -> GcsSource {
        let mut config = json!({
            "bucket_uri": format!("gs://{}/{path}", self.name), "endpoint_url": self.server.url(), "anonymous": true,
        });
        for (field, value) in extra.as_object().unwrap() {
            config[field] = value.clone();
        }
        GcsSource::new(serde_json::from_value(config).unwrap())
    }
}

fn lines(ids: impl IntoIterator<Item = i64>) -> String {
    ids.into_iter().map(|id| format!("{{\"id\":{id},\"tick\":{id},\"text\":\"t{id}\"}}\n")).collect()
}

async fn poll(source: &GcsSource, durable: &mut Durable) -> Result<Vec<i64>> {
    let mut job = Job::new(Task::alone("p"), Arc::new(rows::dataset("t").unwrap()));
    job.once = true;
    drive::run(source, &job, durable, How::default()).await?;
    let mut ids = durable.ids()?;
    ids.sort_unstable();
    Ok(ids)
}

async fn read_once() -> Result<()> {
    let (bucket, mut durable) = (Bucket::new()?, Durable::default());
    let source = bucket.source("events/*.jsonl", json!({}));
    for (name, id) in [("events/m.jsonl", 0), ("events/z.jsonl", 1), ("events/a.jsonl", 2), ("events/b c.jsonl", 3)] {
        bucket.put(name, &lines([id]));
        assert_eq!(poll(&source, &mut durable).await?, (0..=id).collect::<Vec<_>>());
    }
    bucket.put("other/x.jsonl", &lines([9]));
    assert_eq!(poll(&source, &mut durable).await?, [0, 1, 2, 3]);
    source.check().await
}

async fn changed() -> Result<()> {
    for (policy, wanted) in [("ignore", Some(1)), ("reread", Some(2)), ("fail", None)] {
        let (bucket, mut durable) = (Bucket::new()?, Durable::default());
        let source = bucket.source("a.jsonl", json!({"changed": policy}));
        bucket.put("a.jsonl", &lines([1]));
        assert_eq!(poll(&source, &mut durable).await?, [1]);
        bucket.put("a.jsonl", &lines([2]));
        match (poll(&source, &mut durable).await, wanted) {
            (Ok(ids), Some(count)) => assert_eq!(ids.len(), count, "{policy}"),
            (Err(error), None) => assert_eq!(error.kind(), Kind::CursorLost, "{error}"),
            (other, _) => panic!("{policy}: {other:?}"),
        }
    }
    Ok(())
}

async fn large() -> Result<()> {
    let bucket = Bucket::new()?;
    let filler = "x".repeat(1_000);
    let text: String = (0..8_000).map(|id| format!("{{\"id\":{id},\"tick\":{id},\"text\":\"{filler}\"}}\n")).collect();
    bucket.put("large.jsonl", &text);
    assert_eq!(poll(&bucket.source("large.jsonl", json!({})), &mut Durable::default()).await?, (0..8_000).collect::<Vec<_>>());
    Ok(())
}

async fn wrong() -> Result<()> {
    let bucket = Bucket::new()?;
    let error = bucket.source("*", json!({"bucket_uri": "gs://no-such-bucket/*"})).check().await.unwrap_err();
    assert!(matches!(error.kind(), Kind::NotFound | Kind::Unavailable), "{error}");
    let refused = |extra: Value| bucket.source("*", extra).validate().unwrap_err();
    for (extra, says) in [
        (json!({"service_account_credentials_json": "{}"}), "`anonymous`"),
        (json!({"service_account_credentials_json": "no json, but a-secret", "anonymous": false}), "no JSON"),
        (json!({"endpoint_url": "storage:80"}), "`endpoint_url`"),
    ] {
        let error = refused(extra);
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains(says) && !error.to_string().contains("a-secret"), "{error}");
    }
    let key = json!({"service_account_credentials_json": "{\"private_key\": \"a-secret\"}", "anonymous": false});
    let error = bucket.source("*", key).check().await.unwrap_err();
    assert!(error.kind() == Kind::Config && !error.to_string().contains("a-secret"), "{error}");
    let pattern = GcsSink::new(serde_json::from_value(json!({"bucket_uri": "gs://b/*.csv"})).unwrap());
    assert_eq!(pattern.validate().unwrap_err().kind(), Kind::Config);
    Ok(())
}
