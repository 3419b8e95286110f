//! As many keys as there are: a listing takes its time, but no more memory.
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::Suite;
use thyme_testkit::kill::binary;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes that ten times as many keys may cost at most: a tenth of what their names and dates would take in memory.
const MORE: u64 = 32 << 20;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.soak("fifty_thousand_keys_in_bounded_memory", keys)
}

/// An S3 of `count` objects of one row each.
async fn server(count: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, count));
        }
    });
    url
}

async fn answer(mut stream: TcpStream, count: usize) {
    let mut asked = Vec::new();
    loop {
        while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&asked).into_owned();
        asked.clear();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let object = path.split_once("/in/").and_then(|(_, name)| name.get(..8)?.parse::<usize>().ok());
        let (kind, body) = match object {
            Some(number) if !path.contains("list-type") => ("text/plain", format!("{{\"id\":{number}}}\n")),
            _ => ("application/xml", page(path, count)),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nETag: \"e\"\r\n\
             Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n",
            body.len()
        );
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A thousand keys behind those that the request names.
fn page(path: &str, count: usize) -> String {
    let after = |name: &str| {
        let value = path.split(['?', '&']).find_map(|part| part.strip_prefix(name))?;
        value.rsplit("in%2F").next()?.get(..8)?.parse::<usize>().ok()
    };
    let first = after("continuation-token=").or_else(|| after("start-after=").map(|last| last + 1)).unwrap_or(0);
    let last = (first + 1_000).min(count);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><Name>b</Name>");
    for number in first..last {
        text.push_str(&format!(
            "<Contents><Key>in/{number:08}.jsonl</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>\
             <Size>{}</Size></Contents>",
            format!("{{\"id\":{number}}}\n").len()
        ));
    }
    let more = last < count;
    text.push_str(&format!("<KeyCount>{}</KeyCount><IsTruncated>{more}</IsTruncated>", last - first));
    if more {
        text.push_str(&format!("<NextContinuationToken>in%2F{last:08}</NextContinuationToken>"));
    }
    text + "</ListBucketResult>"
}

/// Reads all of them, and once more nothing; the most memory that it took.
async fn read(count: usize) -> u64 {
    let (folder, url) = (tempfile::tempdir().unwrap(), server(count).await);
    let pipeline = format!(
        "[[pipeline]]\nname = \"many\"\nschedule = \"@auto\"\n[pipeline.dataset]\nfields = {{ id = \"int64\" }}\n\
         [pipeline.source]\ntype = \"s3\"\nbucket_uri = \"s3://b/in/*.jsonl\"\nendpoint_url = \"{url}\"\nregion = \"x\"\nanonymous = true\n\
         [pipeline.sink]\ntype = \"file\"\npath = \"out\"\nformat = \"jsonl\"\n"
    );
    fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
    let mut most = 0;
    for _ in 0..2 {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(folder.path()).args(["run", "pipeline.toml", "--once", "--memory", "64MiB"]).stdin(Stdio::null());
        let mut child =
            command.stdout(Stdio::null()).stderr(fs::File::create(folder.path().join("log")).unwrap()).spawn().unwrap();
        let begun = Instant::now();
        let status = loop {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let kb = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            most = most.max(kb.unwrap_or(0) << 10);
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(200), "it hangs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(status.success(), "{}", fs::read_to_string(folder.path().join("log")).unwrap());
        let files = fs::read_dir(folder.path().join("out")).unwrap().flatten().map(|entry| entry.path());
        let text: String = files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect();
        let mut ids: Vec<usize> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap() as usize)
            .collect();
        ids.sort_unstable();
        assert!(ids.iter().copied().eq(0..count), "{} rows of {count}", ids.len());
    }
    most
}

async fn keys() -> Result<()> {
    let (few, many) = (read(5_000).await, read(50_000).await);
    println!("{} MB for 5,000 keys, {} MB for 50,000", few >> 20, many >> 20);
    assert!(many < few + MORE, "{few} bytes for 5,000 keys, {many} for 50,000");
    Ok(())
}
