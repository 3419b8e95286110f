//! Objects that come in any order, change, go, and are large or many.
use std::io::Write;
use std::sync::Arc;

use serde_json::json;
use thyme_core::{Batch, Cursor, Job, Kind, Position, Result, Sink, Source, Task};
use thyme_s3::S3Source;
use thyme_testkit::Suite;
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::rows::{self, Row};

use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("keys_out_of_order_are_all_read_once", out_of_order)
        .case("thousands_of_objects_are_read_once_and_remembered_in_a_small_cursor", thousands)
        .case("an_object_written_again_is_ignored_read_again_or_refused", changed)
        .case("a_large_object_comes_whole_and_goes_on_inside", large)
        .case("arrow_comes_by_ranges_and_goes_on_inside", arrow)
        .case("an_object_written_again_while_it_is_read_comes_from_its_start", rewritten)
        .case("an_object_deleted_after_it_was_listed_is_passed_over", deleted)
        .case("a_prefix_ends_anywhere", prefix)
        .case("compressed_objects_and_metadata", compressed)
}

pub(crate) fn job() -> Job {
    let mut job = Job::new(Task::alone("p"), Arc::new(rows::dataset("t").unwrap()));
    (job.once, job.threads) = (true, 2);
    job
}

pub(crate) fn lines(ids: impl IntoIterator<Item = i64>) -> String {
    ids.into_iter().map(|id| format!("{{\"id\":{id},\"tick\":{id},\"text\":\"t{id}\"}}\n")).collect()
}

/// Polls once from where `durable` stands, and returns all ids that ever came, in order.
pub(crate) async fn poll(source: &S3Source, durable: &mut Durable) -> Result<Vec<i64>> {
    drive::run(source, &job(), durable, How::default()).await?;
    assert!(durable.rejects.is_empty(), "{:?}", durable.rejects);
    let mut ids = durable.ids()?;
    ids.sort_unstable();
    Ok(ids)
}

async fn out_of_order() -> Result<()> {
    let (folder, mut durable) = (Folder::new()?, Durable::default());
    let source = folder.source("*.jsonl", json!({}));
    for (name, id) in [("m", 0), ("z", 1), ("a", 2), ("b", 3), ("zz", 4), ("a/below", 9)] {
        folder.put(&format!("{name}.jsonl"), lines([id])).await;
        let wanted: Vec<i64> = (0..=id.min(4)).collect();
        assert_eq!(poll(&source, &mut durable).await?, wanted);
    }
    // Several in one second, and nothing new.
    for name in ["c1", "c2", "c3"] {
        folder.put(&format!("{name}.jsonl"), lines([100])).await;
    }
    assert_eq!(poll(&source, &mut durable).await?.len(), 8);
    assert_eq!(poll(&folder.source("*.jsonl", json!({})), &mut durable).await?.len(), 8);
    Ok(())
}

async fn thousands() -> Result<()> {
    const COUNT: i64 = 2_500;
    let (folder, mut durable) = (Folder::new()?, Durable::default());
    let source = folder.source("", json!({}));
    let put = |ids: Vec<i64>| {
        let folder = folder.clone();
        async move {
            let mut puts = tokio::task::JoinSet::new();
            for id in ids {
                let folder = folder.clone();
                puts.spawn(async move {
                    folder.put(&format!("events/year=2024/{:05}-part.jsonl", id * 7 % COUNT), lines([id])).await
                });
                if puts.len() >= 16 {
                    puts.join_next().await;
                }
            }
            puts.join_all().await;
        }
    };
    put((0..COUNT - 50).collect()).await;
    assert_eq!(poll(&source, &mut durable).await?, (0..COUNT - 50).collect::<Vec<_>>());
    put((COUNT - 50..COUNT).collect()).await;
    for _ in 0..2 {
        assert_eq!(poll(&source, &mut durable).await?, (0..COUNT).collect::<Vec<_>>());
        let cursor = durable.cursor().unwrap().to_json()?;
        assert!(cursor.len() < Cursor::MAX_BYTES, "{}", cursor.len());
        assert!(cursor.contains("packed"), "more are remembered than fit one by one");
    }
    Ok(())
}

async fn changed() -> Result<()> {
    for (policy, wanted) in [("ignore", Some(1)), ("reread", Some(2)), ("fail", None)] {
        let (folder, mut durable) = (Folder::new()?, Durable::default());
        let source = folder.source("*.jsonl", json!({"changed": policy}));
        folder.put("a.jsonl", lines([1])).await;
        assert_eq!(poll(&source, &mut durable).await?, [1]);
        // The same bytes again are the same object.
        folder.put("a.jsonl", lines([1])).await;
        assert_eq!(poll(&source, &mut durable).await?, [1], "{policy}");
        folder.put("a.jsonl", lines([2])).await;
        match (poll(&source, &mut durable).await, wanted) {
            (Ok(ids), Some(count)) => assert_eq!(ids.len(), count, "{policy}"),
            (Err(error), None) => assert_eq!(error.kind(), Kind::CursorLost, "{error}"),
            (other, _) => panic!("{policy}: {other:?}"),
        }
    }
    Ok(())
}

async fn large() -> Result<()> {
    let (folder, mut durable) = (Folder::new()?, Durable::default());
    let filler = "x".repeat(2_000);
    let text: String = (0..12_000).map(|id| format!("{{\"id\":{id},\"tick\":{id},\"text\":\"{filler}\"}}\n")).collect();
    folder.put("large.jsonl", text).await;
    let source = folder.source("large.jsonl", json!({}));
    let cut = How { every: 1, cut: Some(drive::Cut::After(2)), ..How::default() };
    assert!(drive::run(&source, &job(), &mut durable, cut).await?.cut);
    let before = durable.ids()?.len();
    assert!(before > 0 && before < 12_000, "{before}");
    assert_eq!(poll(&source, &mut durable).await?, (0..12_000).collect::<Vec<_>>());
    Ok(())
}

/// Written by the sink; a record batch in the middle of the object is where reading goes on.
async fn arrow() -> Result<()> {
    for compression in ["none", "lz4", "zstd"] {
        let (folder, mut durable) = (Folder::new()?, Durable::default());
        let sink = folder.sink("out", json!({"format": "arrow", "compression": compression}));
        let mut writer = sink.open(&job()).await?.writer;
        for from in (0..12_000).step_by(500) {
            let rows: Vec<_> = (from..from + 500).map(|id| Row { text: format!("{id:>2000}"), ..Row::new(id) }).collect();
            writer.stage(&Batch::insert(rows::batch(&rows)?, Position::of(&()))).await?;
        }
        writer.commit(&Cursor { seq: 1, ..Cursor::start("test") }).await?;
        let source = folder.source("out/*.arrow", json!({}));
        let cut = How { every: 1, cut: Some(drive::Cut::After(2)), ..How::default() };
        assert!(drive::run(&source, &job(), &mut durable, cut).await?.cut);
        let before = durable.ids()?.len();
        assert!(before > 0 && before < 12_000, "{compression}: {before}");
        assert_eq!(poll(&source, &mut durable).await?, (0..12_000).collect::<Vec<_>>());
    }
    Ok(())
}

async fn rewritten() -> Result<()> {
    for policy in ["ignore", "reread", "fail"] {
        let (folder, mut durable) = (Folder::new()?, Durable::default());
        let text = |fill: &str| -> String {
            let fill = fill.repeat(2_000);
            (0..12_000).map(|id| format!("{{\"id\":{id},\"tick\":{id},\"text\":\"{fill}\"}}\n")).collect()
        };
        folder.put("large.jsonl", text("x")).await;
        let source = folder.source("large.jsonl", json!({"changed": policy}));
        let cut = How { every: 1, cut: Some(drive::Cut::After(2)), ..How::default() };
        assert!(drive::run(&source, &job(), &mut durable, cut).await?.cut);
        let before = durable.ids()?.len();
        folder.put("large.jsonl", text("y")).await;
        match poll(&source, &mut durable).await {
            Ok(ids) => assert_eq!((ids.len(), policy == "fail"), (before + 12_000, false)),
            Err(error) => assert_eq!((error.kind(), policy), (Kind::CursorLost, "fail"), "{error}"),
        }
    }
    Ok(())
}

async fn deleted() -> Result<()> {
    let folder = Folder::new()?;
    for id in 0..3 {
        folder.put(&format!("{id}.jsonl"), lines([id])).await;
    }
    let source = folder.source("*.jsonl", json!({}));
    let mut plan = source.plan(&job(), &Cursor::start(&source.info().identity)).await?;
    let split = plan.next().await?.unwrap();
    object_store::ObjectStoreExt::delete(folder.store.as_ref(), &folder.path("1.jsonl")).await.unwrap();
    let (mut reader, mut ids) = (plan.reader(&split, None).await?, Vec::new());
    while let Some(batch) = reader.next().await? {
        ids.extend(rows::ids(&batch.rows)?);
    }
    assert_eq!(ids, [0, 2]);
    Ok(())
}

async fn prefix() -> Result<()> {
    let folder = Folder::new()?;
    for (name, id) in [("2023-12.jsonl", 0), ("2024-01.jsonl", 1), ("2024-02/x.jsonl", 2), ("2025.jsonl", 3)] {
        folder.put(name, lines([id])).await;
    }
    let mut config = folder.config("", json!({"bucket": folder.bucket, "prefix": format!("{}/2024-", folder.prefix)}));
    config.as_object_mut().unwrap().remove("bucket_uri");
    let source = S3Source::new(serde_json::from_value(config).unwrap());
    source.check().await?;
    assert_eq!(poll(&source, &mut Durable::default()).await?, [1, 2]);
    Ok(())
}

async fn compressed() -> Result<()> {
    let folder = Folder::new()?;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(lines(0..1_000).as_bytes()).unwrap();
    folder.put("a.jsonl.gz", gz.finish().unwrap()).await;
    folder.put("b.csv", "id,tick,text\n1000,1,x\n").await;
    folder.put("empty.jsonl", "").await;
    let source = folder.source("*", json!({"metadata": ["path", "row"]}));
    let found = source.discover().await?.unwrap();
    assert!(found.field("_path").is_some() && found.field("id").is_some());
    assert_eq!(poll(&source, &mut Durable::default()).await?, (0..=1_000).collect::<Vec<_>>());
    Ok(())
}
