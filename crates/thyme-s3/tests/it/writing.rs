//! What is left behind, what is in the way, and what objects are called.
use std::sync::Arc;

use serde_json::{Value, json};
use thyme_core::{Batch, Cursor, Job, Kind, Opened, Position, Result, Sink, Task};
use thyme_testkit::Suite;
use thyme_testkit::objects::{ACCESS_KEY, REGION, SECRET};
use thyme_testkit::rows::{self, Row};

use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("uploads_that_a_crash_left_are_aborted", orphans)
        .case("a_commit_that_was_not_rolled_forward_is_by_the_next_open", rolled_forward)
        .case("names_follow_the_template", names)
        .case("a_folder_of_somebody_else_is_refused", refused)
        .case("large_objects_go_in_parts", parts)
}

fn job() -> Job {
    Job::new(Task::alone("p"), Arc::new(rows::dataset("t").unwrap()))
}

fn cursor(seq: u64) -> Cursor {
    Cursor { seq, ..Cursor::start("test") }
}

async fn stage(opened: &mut Opened, ids: std::ops::Range<i64>) -> Result<()> {
    let rows = rows::batch(&Row::range(ids))?;
    opened.writer.stage(&Batch::insert(rows, Position::of(&()))).await.map(drop)
}

async fn open(folder: &Folder, extra: Value) -> Result<Opened> {
    folder.sink("out", extra).open(&job()).await
}

/// How many uploads in parts of `key` are under way, by Amazon's client.
async fn uploads(folder: &Folder, key: &str) -> usize {
    let keys = aws_credential_types::Credentials::new(ACCESS_KEY, SECRET, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .credentials_provider(keys)
        .region(aws_sdk_s3::config::Region::new(REGION))
        .endpoint_url(&folder.url)
        .force_path_style(true)
        .build();
    // MinIO lists those of one key alone.
    let key = format!("{}/{key}", folder.prefix);
    let list = aws_sdk_s3::Client::from_conf(config).list_multipart_uploads().bucket(&folder.bucket).prefix(key);
    list.send().await.unwrap().uploads().len()
}

async fn hidden(folder: &Folder) -> Vec<String> {
    folder.names().await.into_iter().filter(|name| name.contains("/tmp/")).collect()
}

/// Rows of 10 kB.
async fn stage_large(opened: &mut Opened, ids: std::ops::Range<i64>) -> Result<()> {
    let text = "y".repeat(10_000);
    for from in ids.clone().step_by(500) {
        let rows: Vec<_> = (from..ids.end.min(from + 500)).map(|id| Row { text: text.clone(), ..Row::new(id) }).collect();
        opened.writer.stage(&Batch::insert(rows::batch(&rows)?, Position::of(&()))).await?;
    }
    Ok(())
}

async fn orphans() -> Result<()> {
    let folder = Folder::new()?;
    let roll = json!({"format": "jsonl", "roll": {"rows": 1000}});
    let mut opened = open(&folder, roll.clone()).await?;
    stage(&mut opened, 0..1_025).await?;
    assert_eq!(hidden(&folder).await.len(), 1, "a file is full");
    stage_large(&mut opened, 1_025..1_995).await?;
    let names = hidden(&folder).await;
    let notes: Vec<_> = names.iter().filter_map(|name| name.strip_suffix(".upload")).collect();
    let [key] = notes.as_slice() else { panic!("{names:?}") };
    assert_eq!(uploads(&folder, key).await, 1, "one is larger than one request");
    drop(opened);
    assert_eq!(folder.visible().await, [] as [&str; 0]);
    let mut opened = open(&folder, roll).await?;
    assert_eq!(uploads(&folder, key).await, 0);
    assert_eq!(hidden(&folder).await, [] as [&str; 0]);
    stage(&mut opened, 0..1_025).await?;
    opened.writer.commit(&cursor(1)).await?;
    assert_eq!(folder.visible().await.len(), 2);
    assert_eq!(hidden(&folder).await, [] as [&str; 0]);
    Ok(())
}

async fn rolled_forward() -> Result<()> {
    let folder = Folder::new()?;
    let mut opened = open(&folder, json!({"format": "jsonl"})).await?;
    stage(&mut opened, 0..5).await?;
    opened.writer.commit(&cursor(1)).await?;
    let name = "out/p-0-00000001-000.jsonl";
    let before = folder.get(name).await;
    // Who reads the objects may take them away: a commit that is over is not made again, nor missed.
    object_store::ObjectStoreExt::delete(folder.store.as_ref(), &folder.path(name)).await.unwrap();
    let mut opened = open(&folder, json!({"format": "jsonl"})).await?;
    assert_eq!(opened.cursor.as_ref().map(|cursor| cursor.seq), Some(1));
    assert_eq!(folder.visible().await, [] as [&str; 0]);
    stage(&mut opened, 0..5).await?;
    opened.writer.commit(&cursor(2)).await?;
    assert_eq!(folder.get("out/p-0-00000002-000.jsonl").await, before);
    Ok(())
}

async fn names() -> Result<()> {
    let folder = Folder::new()?;
    let extra = json!({"format": "csv", "compression": "gzip", "file_template": "events_{date}", "partition_by": ["text"]});
    let mut opened = open(&folder, extra).await?;
    stage(&mut opened, 0..2).await?;
    opened.writer.commit(&cursor(1)).await?;
    let names = folder.visible().await;
    let date = jiff_date();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("out/text=") && name.contains(&format!("/events_{date}"))), "{names:?}");
    assert!(names.iter().all(|name| name.ends_with(".csv.gz")), "{names:?}");
    Ok(())
}

/// Today, as `date` says it.
fn jiff_date() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn refused() -> Result<()> {
    let folder = Folder::new()?;
    folder.put("out/theirs.parquet", "x").await;
    let error = open(&folder, json!({"mode": "error_if_exists"})).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    folder.put("out/notes.txt", "x").await;
    let error = open(&folder, json!({"mode": "overwrite"})).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    assert_eq!(folder.visible().await.len(), 2);
    Ok(())
}

async fn parts() -> Result<()> {
    let folder = Folder::new()?;
    let mut opened = open(&folder, json!({"format": "jsonl"})).await?;
    // About 20 MB of text: three parts.
    stage_large(&mut opened, 0..2_000).await?;
    opened.writer.commit(&cursor(1)).await?;
    let names = folder.visible().await;
    assert_eq!(names.len(), 1);
    let text = String::from_utf8(folder.get(&names[0]).await).unwrap();
    let ids: Vec<_> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (0..2_000).collect::<Vec<_>>());
    Ok(())
}
