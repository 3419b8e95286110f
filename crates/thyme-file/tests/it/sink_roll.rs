//! When a file is full.
use std::sync::Arc;
use std::time::Duration;

use thyme_core::arrow::array::{ArrayRef, RecordBatch, StringArray};
use thyme_core::{Batch, Dataset, Job, Position, Sink, Size};
use thyme_file::{FileCompression, FileFormat, FileSink, RollConfig};

use crate::sink_support::*;

#[tokio::test]
async fn no_file_has_more_rows_than_asked_for() {
    for format in [FileFormat::Parquet, FileFormat::Jsonl, FileFormat::Csv] {
        let folder = tempfile::tempdir().unwrap();
        let roll = RollConfig::builder().rows(100).build();
        let sink = FileSink::builder().path(folder.path().to_str().unwrap()).format(format).roll(roll).build();
        let mut writer = sink.open(&job("p")).await.unwrap().writer;
        for (from, to, full) in [(0, 99, false), (99, 100, true), (100, 350, true)] {
            let staged = writer.stage(&batch(from..to)).await.unwrap();
            assert_eq!(staged.full, full, "{from}");
        }
        assert!(visible(folder.path()).is_empty());
        writer.commit(&cursor(1, 350)).await.unwrap();
        assert!(!writer.stage(&batch(350..360)).await.unwrap().full);
        writer.commit(&cursor(2, 360)).await.unwrap();
        if format == FileFormat::Parquet {
            let rows = |(bytes, _)| parquet(bytes).iter().map(|batch| batch.num_rows()).sum::<usize>();
            let rows: Vec<_> = visible(folder.path()).into_values().map(rows).collect();
            assert_eq!(rows, [100, 100, 100, 50, 10]);
            assert_eq!(ids(folder.path()), (0..360).collect::<Vec<_>>());
        } else {
            let lines = |(bytes, _): (Vec<u8>, u64)| bytes.iter().filter(|byte| **byte == b'\n').count();
            let header = usize::from(format == FileFormat::Csv);
            let lines: Vec<_> = visible(folder.path()).into_values().map(|file| lines(file) - header).collect();
            assert_eq!(lines, [100, 100, 100, 50, 10]);
        }
    }
}

#[tokio::test]
async fn a_file_is_closed_when_it_has_its_bytes() {
    let formats = [
        (FileFormat::Parquet, None),
        (FileFormat::Jsonl, None),
        (FileFormat::Jsonl, Some(FileCompression::Gzip)),
        (FileFormat::Csv, Some(FileCompression::Zstd)),
        (FileFormat::Avro, Some(FileCompression::None)),
        (FileFormat::Arrow, None),
    ];
    for (format, compression) in formats {
        let folder = tempfile::tempdir().unwrap();
        let roll = RollConfig::builder().size(Size(100_000)).build();
        let sink = FileSink::builder().path(folder.path().to_str().unwrap()).format(format).roll(roll);
        let sink = sink.maybe_compression(compression).build();
        let mut writer = sink.open(&job("p")).await.unwrap().writer;
        let mut full = 0;
        for from in (0..200_000).step_by(2000) {
            full = full.max(usize::from(writer.stage(&batch(from..from + 2000)).await.unwrap().full));
        }
        assert_eq!(full, 1);
        writer.commit(&cursor(1, 200_000)).await.unwrap();
        let mut sizes: Vec<_> = visible(folder.path()).into_values().map(|(bytes, _)| bytes.len()).collect();
        sizes.pop();
        assert!(sizes.len() >= 3, "{format:?} {compression:?} {sizes:?}");
        assert!(sizes.iter().all(|size| (60_000..260_000).contains(size)), "{format:?} {compression:?} {sizes:?}");
    }
}

#[tokio::test]
async fn many_files_hold_no_more_than_they_may() {
    for format in [FileFormat::Parquet, FileFormat::Jsonl, FileFormat::Csv, FileFormat::Avro, FileFormat::Arrow] {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::builder().path(folder.path().to_str().unwrap()).format(format).partition_by(["kind"]).build();
        let kinds: StringArray = (0..10_000).map(|row| Some(format!("k{}", row % 60))).collect();
        let notes: StringArray = (0..10_000).map(|row| Some(format!("{row:0>200}"))).collect();
        let columns: [(&str, ArrayRef); 2] = [("kind", Arc::new(kinds)), ("note", Arc::new(notes))];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let dataset = Arc::new(Dataset::new("notes", rows.schema()).unwrap());
        let mut writer = sink.open(&Job { dataset, buffer: 1 << 20, ..job("p") }).await.unwrap().writer;
        for seq in 1..=4 {
            let batch = Batch::insert(rows.clone(), Position::of(&seq));
            let staged =
                tokio::time::timeout(Duration::from_secs(60), writer.stage(&batch)).await.expect("staging ends").unwrap();
            assert!(staged.buffered <= 1 << 20, "{format:?}: {}", staged.buffered);
            assert!(!staged.full, "{format:?}");
        }
        writer.commit(&cursor(1, 4)).await.unwrap();
        assert_eq!(visible(folder.path()).len(), 60, "{format:?}");
    }
}

#[test]
fn rows_wait_no_longer_than_the_interval() {
    let info = FileSink::builder().path("x").build().info();
    assert_eq!((info.commit_after, info.commit_within), (Duration::from_secs(60), Duration::from_secs(300)));
    let roll = RollConfig::builder().interval(Duration::from_secs(5)).build();
    let info = FileSink::builder().path("x").roll(roll).build().info();
    assert_eq!((info.commit_after, info.commit_within), (Duration::from_secs(5), Duration::from_secs(5)));
    let config: thyme_file::FileSinkConfig =
        serde_json::from_value(serde_json::json!({"path": "x", "roll": {"size": "1MiB", "interval": "2m"}})).unwrap();
    assert_eq!((config.roll.size, config.roll.interval), (Size(1 << 20), Duration::from_secs(120)));
}
