//! More keys than a cursor can remember: each comes once, what comes late is new, and memory stays what it is.
//!
//! versitygw takes every file of its folder for an object as old as that file.
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use thyme_core::{Cursor, Result};
use thyme_testkit::Suite;
use thyme_testkit::kill::binary;
use thyme_testkit::objects::{Program, Server};

use crate::place::Place;

const MINUTE: Duration = Duration::from_secs(60);
/// The keys came within so long, and the last of them so long ago.
const SPAN: Duration = Duration::from_secs(4 * 3_600);
const AGE: Duration = Duration::from_secs(3_600);
const KEYS: usize = 100_000;
/// Bytes that ten times as many keys may cost at most: half of what their names and etags take.
const MORE: u64 = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(400);

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.soak("a_hundred_thousand_keys_in_bounded_memory", keys)
}

/// A name of 150 bytes and more, in one of a hundred folders: its order is not that of age.
fn key(number: usize) -> String {
    format!("in/{:02}/{}{number:06}.jsonl", number * 7 % 100, "long-name-".repeat(15))
}

fn age(path: &Path, age: Duration) {
    fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

/// Puts this many objects, the first of them the oldest.
fn put(bucket: &Path, count: usize) {
    for folder in 0..100 {
        fs::create_dir_all(bucket.join(format!("in/{folder:02}"))).unwrap();
    }
    for number in 0..count {
        let path = bucket.join(key(number));
        fs::write(&path, format!("{{\"id\":{number}}}\n")).unwrap();
        age(&path, AGE + SPAN - SPAN.mul_f64(number as f64 / count as f64));
    }
}

/// Runs to the end; the most memory that it took.
fn run(folder: &Path) -> u64 {
    let mut command = Command::new(binary().unwrap());
    command.current_dir(folder).args(["run", "pipeline.toml", "--once", "--memory", "64MiB", "--state", "state"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(folder.join("log")).unwrap());
    let (mut child, begun, mut most) = (command.spawn().unwrap(), Instant::now(), 0);
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let kb = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(kb.unwrap_or(0) << 10);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it hangs: {}", fs::read_to_string(folder.join("log")).unwrap());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{}", fs::read_to_string(folder.join("log")).unwrap());
    most
}

/// The ids that were written, in order, and the size of the largest file of the sink's log, each of which has a cursor in it.
fn written(folder: &Path) -> (Vec<usize>, u64) {
    let files = |folder: &Path| -> Vec<_> {
        let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_file()).collect()
    };
    let text: String = files(&folder.join("out")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap() as usize;
    let mut ids: Vec<_> = text.lines().map(id).collect();
    ids.sort_unstable();
    let cursors = files(&folder.join("out/_thyme/many/0"));
    (ids, cursors.iter().map(|path| path.metadata().unwrap().len()).max().unwrap())
}

/// Reads all of them, and once more nothing, and then what came since. The most memory that it took.
async fn read(count: usize) -> u64 {
    let place = Place::new(Program::Versitygw, |bucket, connection| {
        format!(
            "[[pipeline]]\nname = \"many\"\nschedule = \"@auto\"\n[pipeline.dataset]\nfields = {{ id = \"int64\" }}\n\
             [pipeline.source]\ntype = \"s3\"\nbucket_uri = \"s3://{bucket}/in/**/*.jsonl\"\n{connection}\
             [pipeline.sink]\ntype = \"file\"\npath = \"out\"\nformat = \"jsonl\"\n"
        )
    })
    .unwrap();
    let (bucket, folder) = (Server::shared(Program::Versitygw).unwrap().data(&place.bucket), place.folder.path());
    put(&bucket, count);
    let most = run(folder).max(run(folder));
    let (ids, cursor) = written(folder);
    assert!(ids.iter().copied().eq(0..count), "{} rows of {count}", ids.len());
    assert!(cursor <= Cursor::MAX_BYTES as u64, "a cursor of {cursor} bytes");
    // What takes several requests is listed as old as the first of them: older than what was forgotten.
    let late = object_store::path::Path::parse(key(count)).unwrap();
    let mut upload = place.store.put_multipart(&late).await.unwrap();
    upload.put_part(format!("{{\"id\":{count}}}\n").into()).await.unwrap();
    upload.complete().await.unwrap();
    age(&bucket.join(key(count)), AGE + SPAN / 2);
    let etag = place.store.head(&late).await.unwrap().e_tag.unwrap();
    assert!(etag.contains('-'), "{etag} is not that of an upload in parts");
    // As late as no object of one request comes, which tells that so old ones are forgotten.
    let impossible = bucket.join(key(count + 1));
    fs::write(&impossible, "{\"id\":0}\n").unwrap();
    age(&impossible, AGE + SPAN / 2);
    let fresh = bucket.join(key(count + 2));
    fs::write(&fresh, format!("{{\"id\":{}}}\n", count + 1)).unwrap();
    age(&fresh, MINUTE);
    for _ in 0..2 {
        run(folder);
        let (ids, _) = written(folder);
        let forgotten = if count == KEYS { 0..0 } else { 0..1 };
        let wanted = forgotten.chain(0..count + 2);
        assert!(ids.iter().copied().eq(wanted), "{} rows of {count} and 2", ids.len());
    }
    assert_eq!(place.store.list(Some(&"in".into())).count().await, count + 3);
    most
}

async fn keys() -> Result<()> {
    let (few, many) = (read(KEYS / 10).await, read(KEYS).await);
    println!("{} MB for {} keys, {} MB for {KEYS}", few >> 20, KEYS / 10, many >> 20);
    assert!(many < few + MORE, "{few} bytes for {} keys, {many} for {KEYS}", KEYS / 10);
    Ok(())
}
