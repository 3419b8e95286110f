//! Objects written exactly once, and the engine's own files.
use std::sync::Arc;

use serde_json::{Value, json};
use thyme_core::state::Locked;
use thyme_core::{Batch, Cursor, CursorFiles, CursorStore, Job, Kind, Opened, Position, Result, Sink, Task};
use thyme_gcs::GcsSink;
use thyme_testkit::Suite;
use thyme_testkit::drive::Durable;
use thyme_testkit::rows::{self, Row};

use crate::{Bucket, poll};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("rows_are_written_once_and_a_late_writer_is_fenced", fenced)
        .case("a_large_object_goes_in_chunks_and_is_copied_by_the_server", large)
        .case("arrow_goes_out_and_comes_back", arrow)
        .case("an_object_in_the_way_is_left_alone", in_the_way)
        .case("of_two_that_save_a_cursor_one_is_fenced", state)
}

fn sink(bucket: &Bucket) -> GcsSink {
    sink_of(bucket, "jsonl")
}

fn sink_of(bucket: &Bucket, format: &str) -> GcsSink {
    let config = json!({
        "bucket_uri": format!("gs://{}/out", bucket.name), "endpoint_url": bucket.server.url(), "anonymous": true, "format": format,
    });
    GcsSink::new(serde_json::from_value(config).unwrap())
}

async fn open(bucket: &Bucket) -> Result<Opened> {
    let job = Job::new(Task::alone("p"), Arc::new(rows::dataset("t").unwrap()));
    sink(bucket).open(&job).await
}

async fn stage(opened: &mut Opened, rows: &[Row]) -> Result<()> {
    opened.writer.stage(&Batch::insert(rows::batch(rows)?, Position::of(&()))).await.map(drop)
}

fn cursor(seq: u64) -> Cursor {
    Cursor { seq, ..Cursor::start("test") }
}

async fn ids(bucket: &Bucket) -> Result<Vec<i64>> {
    poll(&bucket.source("out/*.jsonl", Value::Object(Default::default())), &mut Durable::default()).await
}

async fn fenced() -> Result<()> {
    let bucket = Bucket::new()?;
    sink(&bucket).check().await?;
    let mut one = open(&bucket).await?;
    stage(&mut one, &Row::range(0..5)).await?;
    one.writer.commit(&cursor(1)).await?;
    stage(&mut one, &Row::range(5..9)).await?;
    let mut other = open(&bucket).await?;
    assert_eq!(other.cursor.as_ref().map(|cursor| cursor.seq), Some(1));
    assert_eq!(one.writer.commit(&cursor(2)).await.unwrap_err().kind(), Kind::Conflict);
    stage(&mut other, &Row::range(5..8)).await?;
    other.writer.commit(&cursor(2)).await?;
    assert_eq!(ids(&bucket).await?, (0..8).collect::<Vec<_>>());
    let cursors = sink(&bucket).cursors("p").await?;
    assert_eq!(cursors.values().map(|cursor| cursor.seq).collect::<Vec<_>>(), [2]);
    Ok(())
}

async fn large() -> Result<()> {
    let bucket = Bucket::new()?;
    let mut opened = open(&bucket).await?;
    let text = "z".repeat(10_000);
    for from in (0..2_000).step_by(500) {
        let rows: Vec<_> = (from..from + 500).map(|id| Row { text: text.clone(), ..Row::new(id) }).collect();
        stage(&mut opened, &rows).await?;
    }
    opened.writer.commit(&cursor(1)).await?;
    assert_eq!(ids(&bucket).await?, (0..2_000).collect::<Vec<_>>());
    Ok(())
}

async fn arrow() -> Result<()> {
    let bucket = Bucket::new()?;
    let job = Job::new(Task::alone("p"), Arc::new(rows::dataset("t")?));
    let mut opened = sink_of(&bucket, "arrow").open(&job).await?;
    for from in (0..2_000).step_by(500) {
        let rows: Vec<_> = (from..from + 500).map(|id| Row { text: format!("{id:>10000}"), ..Row::new(id) }).collect();
        stage(&mut opened, &rows).await?;
    }
    opened.writer.commit(&cursor(1)).await?;
    let source = bucket.source("out/*.arrow", json!({}));
    assert_eq!(poll(&source, &mut Durable::default()).await?, (0..2_000).collect::<Vec<_>>());
    Ok(())
}

async fn in_the_way() -> Result<()> {
    let bucket = Bucket::new()?;
    let mut opened = open(&bucket).await?;
    stage(&mut opened, &Row::range(0..2)).await?;
    // The name that the first file would have.
    bucket.put("out/p-0-00000001-000.jsonl", "{\"id\":7}\n");
    opened.writer.commit(&cursor(1)).await?;
    assert_eq!(ids(&bucket).await?, [0, 1, 7]);
    Ok(())
}

async fn state() -> Result<()> {
    let bucket = Bucket::new()?;
    let files = || async { sink(&bucket).state_files().await.unwrap().unwrap() };
    let (one, other) = (CursorFiles::new(files().await), CursorFiles::new(files().await));
    let task = Task::alone("p");
    for seq in 1..=10 {
        let (a, b) = (cursor(seq), Cursor { finished: true, ..cursor(seq) });
        let saves = futures::future::join(one.save(&task, &a), other.save(&task, &b)).await;
        let (won, lost) = match saves {
            (Ok(()), Err(lost)) => (a, lost),
            (Err(lost), Ok(())) => (b, lost),
            both => panic!("{both:?}"),
        };
        assert_eq!(lost.kind(), Kind::Conflict, "{lost}");
        assert_eq!(one.load(&task).await?, Some(won));
    }
    let holder = format!("{{\"pid\":{},\"host\":\"elsewhere\"}}", std::process::id());
    let Locked::Taken(lock) = files().await.lock("p/lock", &holder).await? else { panic!("nobody held it") };
    let Locked::Held(Some(held)) = files().await.lock("p/lock", &holder).await? else { panic!("taken twice") };
    assert!(held.contains("elsewhere"), "{held}");
    lock.release().await;
    assert!(matches!(files().await.lock("p/lock", &holder).await?, Locked::Taken(_)));
    Ok(())
}
