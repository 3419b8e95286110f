//! An object that is listed as older than it is: made of parts, it has the time of the beginning of its upload. MinIO stamps the
//! end, so a proxy says otherwise.
use std::net::SocketAddr;

use object_store::{MultipartUpload, ObjectStoreExt};
use serde_json::json;
use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::drive::Durable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::reading::{lines, poll};
use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("objects_listed_an_hour_older_than_they_are_come_once", late)
        .case("an_upload_in_parts_that_is_finished_late_comes_once", parts)
}

/// Passes all to MinIO; of what is listed, keys with `late` in them are an hour older.
async fn proxy(minio: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(minio).await.unwrap();
                let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 1 << 20]);
                loop {
                    let read = tokio::select! {
                        read = client.read(&mut asked) => {
                            match read {
                                Ok(1..) => server.write_all(&asked[..read.unwrap()]).await.unwrap(),
                                _ => return,
                            }
                            continue;
                        }
                        read = server.read(&mut answered) => read.unwrap_or(0),
                    };
                    if read == 0 {
                        return;
                    }
                    // A page comes whole: it is small, and sent at once.
                    let answer = older(&answered[..read]);
                    if client.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// As long as before, so that nothing else has to change.
fn older(answer: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(answer) else { return answer.to_vec() };
    let entries = text.split("<Contents>").map(|entry| {
        let dated = entry.split_once("</Key><LastModified>").filter(|(key, _)| key.contains("late"));
        let Some((key, rest)) = dated else { return entry.to_owned() };
        let (date, rest) = rest.split_once("</LastModified>").unwrap();
        let before: jiff::Timestamp = date.parse::<jiff::Timestamp>().unwrap() - jiff::SignedDuration::from_hours(1);
        let before = before.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        assert_eq!(before.len(), date.len());
        format!("{key}</Key><LastModified>{before}</LastModified>{rest}")
    });
    entries.collect::<Vec<_>>().join("<Contents>").into_bytes()
}

/// An upload in parts begins, others come and are read, and an hour later it is done: it is listed as old as its beginning.
async fn parts() -> Result<()> {
    let (folder, mut durable) = (Folder::new()?, Durable::default());
    let url = proxy(folder.url.trim_start_matches("http://").parse().unwrap()).await;
    let source = folder.source("*.jsonl", json!({"endpoint_url": url}));
    folder.put("b.jsonl", lines([0])).await;
    assert_eq!(poll(&source, &mut durable).await?, [0]);
    let mut uploads = Vec::new();
    for name in ["a-late.jsonl", "z-late.jsonl"] {
        let mut upload = folder.store.put_multipart(&folder.path(name)).await.unwrap();
        // All parts but the last have a size that servers insist on.
        upload.put_part(vec![b'\n'; 5 << 20].into()).await.unwrap();
        uploads.push(upload);
    }
    for (name, id) in [("a.jsonl", 1), ("c.jsonl", 2)] {
        folder.put(name, lines([id])).await;
        assert_eq!(poll(&source, &mut durable).await?, (0..=id).collect::<Vec<_>>(), "nothing is seen of what is not done");
    }
    for (mut upload, id) in uploads.into_iter().zip(3..) {
        upload.put_part(lines([id]).into()).await.unwrap();
        let etag = upload.complete().await.unwrap().e_tag.unwrap();
        assert!(etag.contains("-2"), "{etag} is not that of two parts");
        assert_eq!(poll(&source, &mut durable).await?, (0..=id).collect::<Vec<_>>());
    }
    assert_eq!(poll(&source, &mut durable).await?, (0..5).collect::<Vec<_>>());
    let cursor = durable.cursor().unwrap().to_json()?;
    assert!(cursor.contains("\"l\":true"), "those are remembered as late ones: {cursor}");
    Ok(())
}

async fn late() -> Result<()> {
    let (folder, mut durable) = (Folder::new()?, Durable::default());
    let url = proxy(folder.url.trim_start_matches("http://").parse().unwrap()).await;
    let source = folder.source("*.jsonl", json!({"endpoint_url": url}));
    for (name, id) in [("m.jsonl", 0), ("late-a.jsonl", 1), ("z.jsonl", 2), ("late-z.jsonl", 3), ("a.jsonl", 4)] {
        folder.put(name, lines(id..id + 1)).await;
        assert_eq!(poll(&source, &mut durable).await?, (0..=id).collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(poll(&source, &mut durable).await?, (0..5).collect::<Vec<_>>());
    Ok(())
}
