//! Who asks, and what is said when that is refused.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use serde_json::json;
use thyme_core::{Kind, Result, Sink, Source};
use thyme_s3::S3Source;
use thyme_testkit::Suite;
use thyme_testkit::drive::Durable;
use thyme_testkit::objects::{ACCESS_KEY, Program, REGION, SECRET};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::reading::{lines, poll};
use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("what_is_wrong_is_said", wrong)
        .case("half_of_a_pair_is_refused", pairs)
        .case("a_role_is_taken", role)
        .case("what_a_role_may_not_do_is_named", role_without)
        .case("nobody_reads_what_is_not_public", anonymous)
}

async fn wrong() -> Result<()> {
    let folder = Folder::new()?;
    folder.put("a.jsonl", lines([1])).await;
    for (extra, says) in [
        (json!({"secret": "wrong"}), "the secret key is not the one that belongs to the access key"),
        (json!({"access_key": "nobody"}), "the server does not know the access key"),
        (json!({"region": "us-west-2"}), "set `region`"),
    ] {
        let error = folder.source("*", extra.clone()).check().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Auth, "{extra}: {error}");
        assert!(error.message().contains(says), "{extra}: {error}");
    }
    Ok(())
}

async fn pairs() -> Result<()> {
    let refused = |config: serde_json::Value| {
        let source = S3Source::new(serde_json::from_value(config).unwrap());
        let error = source.validate().unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        error.to_string()
    };
    let uri = "s3://b/x";
    assert!(refused(json!({"bucket_uri": uri, "access_key": "k"})).contains("`secret`"));
    assert!(refused(json!({"bucket_uri": uri, "secret": "s"})).contains("`access_key`"));
    assert!(refused(json!({"bucket_uri": uri, "session_token": "t"})).contains("`session_token`"));
    assert!(refused(json!({"bucket_uri": uri, "external_id": "x"})).contains("`role_arn`"));
    assert!(refused(json!({"bucket_uri": uri, "anonymous": true, "role_arn": "r"})).contains("`anonymous`"));
    assert!(refused(json!({"bucket_uri": uri, "endpoint_url": "minio:9000"})).contains("`endpoint_url`"));
    Ok(())
}

async fn role() -> Result<()> {
    if Program::s3()? != Program::Minio {
        return Ok(()); // versitygw has no STS.
    }
    let folder = Folder::new()?;
    folder.put("a.jsonl", lines([1])).await;
    let (sts, asked) = sts(folder.url.trim_start_matches("http://").parse().unwrap()).await;
    let role = json!({"role_arn": "arn:aws:iam::123456789012:role/reader", "external_id": "thyme", "sts_endpoint_url": sts});
    let source = folder.source("*", role.clone());
    assert_eq!(poll(&source, &mut Durable::default()).await?, [1]);
    let first = asked.load(Ordering::SeqCst);
    assert!(first > 0, "the role was taken");
    // The session is over by then, and was renewed before.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(poll(&source, &mut Durable::default()).await?, [1]);
    assert!(asked.load(Ordering::SeqCst) > first, "the session was renewed");
    let mut wrong = role;
    wrong["secret"] = "wrong".into();
    let error = folder.source("*", wrong).check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    assert!(error.message().contains("role"), "{error}");
    Ok(())
}

/// Sessions of a role that may not do all that is asked for.
async fn role_without() -> Result<()> {
    if Program::s3()? != Program::Minio {
        return Ok(()); // versitygw has no STS.
    }
    let folder = Folder::new()?;
    folder.put("a.jsonl", lines([1])).await;
    let (sts, _) = sts(folder.url.trim_start_matches("http://").parse().unwrap()).await;
    let every = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
    for without in ["s3:ListBucket", "s3:GetObject", "s3:PutObject"] {
        let actions: Vec<_> = every.iter().filter(|action| **action != without).collect();
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": ["arn:aws:s3:::*"]}],
        });
        let session = session(&sts, &policy.to_string()).await;
        let keys = json!({
            "access_key": session.access_key_id(), "secret": session.secret_access_key(), "session_token": session.session_token().unwrap(),
        });
        let error = match without {
            "s3:PutObject" => folder.sink("out", keys).check().await.unwrap_err(),
            _ => poll(&folder.source("*", keys), &mut Durable::default()).await.unwrap_err(),
        };
        assert_eq!(error.kind(), Kind::Auth, "{without}: {error}");
        assert!(error.message().contains(without), "{without}: {error}");
        assert!(!error.to_string().contains(session.secret_access_key()), "{without}");
    }
    Ok(())
}

/// A session with no more rights than `policy` gives.
async fn session(sts: &str, policy: &str) -> Credentials {
    let root = Credentials::new(ACCESS_KEY, SECRET, None, None, "root");
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest()).region(REGION).endpoint_url(sts);
    let sdk = sdk.credentials_provider(root.clone()).load().await;
    let role = AssumeRoleProvider::builder("arn:aws:iam::123456789012:role/reader").configure(&sdk).session_name("test");
    let role = role.external_id("thyme").policy(policy).build_from_provider(root).await;
    role.provide_credentials().await.unwrap()
}

/// MinIO's STS, whose sessions seem to end after four seconds, and how often one was asked for. MinIO leaves out the ARN that
/// Amazon's library wants to see.
async fn sts(minio: SocketAddr) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !whole(&request) {
                    if client.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                assert!(String::from_utf8_lossy(&request).contains("ExternalId=thyme"), "the owner's id is sent");
                let mut server = TcpStream::connect(minio).await.unwrap();
                server.write_all(&request).await.unwrap();
                let mut answer = Vec::new();
                while !whole(&answer) && server.read_buf(&mut answer).await.unwrap_or(0) > 0 {}
                let answer = String::from_utf8(answer).unwrap();
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                let body = body.replace("<Arn></Arn>", "<Arn>arn:aws:sts::123456789012:assumed-role/reader/thyme</Arn>");
                let body = match (body.find("<Expiration>"), body.find("</Expiration>")) {
                    (Some(from), Some(to)) => format!("{}<Expiration>{}{}", &body[..from], soon(), &body[to..]),
                    _ => body,
                };
                let status = head.lines().next().unwrap();
                let answer = format!("{status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
                let _ = client.write_all(answer.as_bytes()).await;
            });
        }
    });
    (url, asked)
}

/// Whether head and body of a message are there.
fn whole(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}

/// In four seconds, as XML says it.
fn soon() -> String {
    let output = std::process::Command::new("date").args(["-u", "-d", "+4 seconds", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn anonymous() -> Result<()> {
    let folder = Folder::new()?;
    folder.put("a.jsonl", lines([1])).await;
    let mut config = folder.config("*", json!({"anonymous": true}));
    for field in ["access_key", "secret"] {
        config.as_object_mut().unwrap().remove(field);
    }
    let error = S3Source::new(serde_json::from_value(config).unwrap()).check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    Ok(())
}
