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
        .case("an_object_in_the_way_is_never_replaced_nor_taken_for_ours", in_the_way)
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

/// The uploads in parts that are under way, by Amazon's client.
async fn uploads(folder: &Folder) -> usize {
    let keys = aws_credential_types::Credentials::new(ACCESS_KEY, SECRET, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .credentials_provider(keys)
        .region(aws_sdk_s3::config::Region::new(REGION))
        .endpoint_url(&folder.url)
        .force_path_style(true)
        .build();
    let mut count = 0;
    // MinIO lists those of one key alone.
    for number in 0..4 {
        let key = format!("{}/out/p-0-{:08}-{number:03}.jsonl", folder.prefix, 1);
        let list = aws_sdk_s3::Client::from_conf(config.clone()).list_multipart_uploads().bucket(&folder.bucket).prefix(key);
        count += list.send().await.unwrap().uploads().len();
    }
    count
}

async fn orphans() -> Result<()> {
    let folder = Folder::new()?;
    let roll = json!({"format": "jsonl", "roll": {"rows": 10}});
    let mut opened = open(&folder, roll.clone()).await?;
    stage(&mut opened, 0..25).await?;
    assert_eq!(uploads(&folder).await, 2, "two files are full");
    drop(opened);
    assert_eq!(folder.visible().await, [] as [&str; 0]);
    let mut opened = open(&folder, roll).await?;
    assert_eq!(uploads(&folder).await, 0);
    assert!(!folder.names().await.iter().any(|name| name.contains("/tmp/")), "{:?}", folder.names().await);
    stage(&mut opened, 0..25).await?;
    opened.writer.commit(&cursor(1)).await?;
    assert_eq!(folder.visible().await.len(), 3);
    assert_eq!(uploads(&folder).await, 0);
    assert!(!folder.names().await.iter().any(|name| name.contains("/tmp/")), "{:?}", folder.names().await);
    Ok(())
}

async fn in_the_way() -> Result<()> {
    let folder = Folder::new()?;
    let mut opened = open(&folder, json!({"format": "jsonl"})).await?;
    stage(&mut opened, 0..5).await?;
    folder.put("out/p-0-00000001-000.jsonl", "somebody else's").await;
    let error = opened.writer.commit(&cursor(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    assert_eq!(folder.get("out/p-0-00000001-000.jsonl").await, b"somebody else's");
    // It stays so until somebody moves it away; then the commit is completed.
    assert_eq!(open(&folder, json!({"format": "jsonl"})).await.err().unwrap().kind(), Kind::Conflict);
    object_store::ObjectStoreExt::delete(folder.store.as_ref(), &folder.path("out/p-0-00000001-000.jsonl")).await.unwrap();
    let opened = open(&folder, json!({"format": "jsonl"})).await?;
    assert_eq!(opened.cursor.map(|cursor| cursor.seq), Some(1));
    assert_eq!(String::from_utf8(folder.get("out/p-0-00000001-000.jsonl").await).unwrap().lines().count(), 5);
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
    let long = "y".repeat(10_000);
    for from in (0..2_000).step_by(500) {
        let rows: Vec<_> = (from..from + 500).map(|id| Row { text: long.clone(), ..Row::new(id) }).collect();
        opened.writer.stage(&Batch::insert(rows::batch(&rows)?, Position::of(&()))).await?;
    }
    opened.writer.commit(&cursor(1)).await?;
    let names = folder.visible().await;
    assert_eq!(names.len(), 1);
    let text = String::from_utf8(folder.get(&names[0]).await).unwrap();
    let ids: Vec<_> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (0..2_000).collect::<Vec<_>>());
    Ok(())
}
