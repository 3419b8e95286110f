use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use thyme_core::arrow::array::{ArrayRef, Int16Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray};
use thyme_core::{Kind, Source};
use thyme_file::{Compression, FileSource, ReadFormat};

use super::support::*;

/// A Parquet file of one int64 column `n`.
pub(super) fn write_parquet(path: &Path, range: std::ops::Range<i64>, group: usize) {
    write(path, &numbers(range), group);
}

fn write(path: &Path, rows: &RecordBatch, group: usize) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

/// A file of Arrow of one int64 column `n`.
pub(super) fn write_arrow(path: &Path, range: std::ops::Range<i64>, group: usize) {
    fs::write(path, file(&numbers(range), group)).unwrap();
}

fn numbers(range: std::ops::Range<i64>) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from_iter_values(range)) as ArrayRef)]).unwrap()
}

fn file(rows: &RecordBatch, group: usize) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), rows.schema_ref()).unwrap();
    parts(rows, group).for_each(|part| writer.write(&part).unwrap());
    writer.into_inner().unwrap()
}

/// A stream of Arrow of one int64 column `n`.
fn stream(range: std::ops::Range<i64>, group: usize) -> Vec<u8> {
    let rows = numbers(range);
    let mut writer = StreamWriter::try_new(Vec::new(), rows.schema_ref()).unwrap();
    parts(&rows, group).for_each(|part| writer.write(&part).unwrap());
    writer.into_inner().unwrap()
}

fn parts(rows: &RecordBatch, group: usize) -> impl Iterator<Item = RecordBatch> {
    (0..rows.num_rows()).step_by(group).map(move |at| rows.slice(at, group.min(rows.num_rows() - at)))
}

fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => gzip(bytes),
        Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        Compression::Bz2 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Lz4 => {
            let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Snappy => {
            let mut out = snap::write::FrameEncoder::new(Vec::new());
            out.write_all(bytes).unwrap();
            out.into_inner().unwrap()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_compression_by_name_by_magic_and_from_every_commit() {
    use Compression::{Bz2, Gzip, Lz4, None, Snappy, Zstd};
    let text: String = (0..30_000).map(|n| format!("{{\"pad\":\"{}\",\"n\":{n}}}\n", n * 7919 % 10_007)).collect();
    for (compression, end) in [(None, ""), (Gzip, ".gz"), (Zstd, ".zst"), (Bz2, ".bz2"), (Lz4, ".lz4"), (Snappy, ".sz")] {
        for name in [format!("by-name.jsonl{end}"), format!("by-magic-{}.jsonl", end.trim_start_matches('.'))] {
            let folder = Folder::new();
            folder.write(&name, pack(compression, text.as_bytes()));
            for crash in [0, 1, 2, 3, usize::MAX] {
                let mut run = Run::of(folder.text("*"));
                run.job.buffer = 1 << 20;
                run.poll_until(crash).await.unwrap();
                run.poll().await.unwrap();
                assert_eq!(run.numbers("n"), (0..30_000).collect::<Vec<_>>(), "{name} {crash}");
                assert!(run.rejects.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_gzip_that_grows_by_members() {
    let folder = Folder::new();
    folder.write("a.csv.gz", gzip(b"n\n0\n1\n"));
    let mut run = Run::of(folder.text("*"));
    run.poll().await.unwrap();
    folder.append("a.csv.gz", gzip(b"2\n3\n"));
    run.poll().await.unwrap();
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_from_every_commit() {
    let folder = Folder::new();
    write_parquet(&folder.path("a.parquet"), 0..300_000, 70_000);
    for crash in 0..8 {
        let mut run = Run::of(folder.text("*.parquet"));
        run.poll_until(crash).await.unwrap();
        run.poll().await.unwrap();
        run.poll().await.unwrap();
        assert_eq!(run.numbers("n"), (0..300_000).collect::<Vec<_>>(), "{crash}");
    }
    let mut run = Run::of(folder.text("*.parquet"));
    run.poll().await.unwrap();
    write_parquet(&folder.path("a.parquet"), 0..300_001, 70_000);
    assert_eq!(run.poll().await.unwrap_err().kind(), Kind::CursorLost, "Parquet does not grow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrow_files_and_streams_from_every_commit() {
    let folder = Folder::new();
    write_arrow(&folder.path("a.arrow"), 0..300_000, 70_000);
    fs::write(folder.path("a.arrows"), stream(0..300_000, 70_000)).unwrap();
    // The first bytes say which of both it is, whatever the name is.
    fs::write(folder.path("b.arrow"), stream(0..300_000, 70_000)).unwrap();
    write_arrow(&folder.path("b.data"), 0..300_000, 300_000);
    for name in ["a.arrow", "a.arrows", "b.arrow", "b.data"] {
        let source = || FileSource::builder().path(folder.text(name)).format(ReadFormat::Arrow).build();
        for crash in 0..8 {
            let mut run = Run::new(source(), job());
            run.poll_until(crash).await.unwrap();
            run.poll().await.unwrap();
            run.poll().await.unwrap();
            assert_eq!(run.numbers("n"), (0..300_000).collect::<Vec<_>>(), "{name} {crash}");
            assert!(run.rejects.is_empty() && run.batches.len() > 4);
        }
    }
    let mut run = Run::of(folder.text("a.arrow"));
    run.poll().await.unwrap();
    write_arrow(&folder.path("a.arrow"), 0..300_001, 70_000);
    assert_eq!(run.poll().await.unwrap_err().kind(), Kind::CursorLost, "Arrow does not grow");
}

/// All columns of a record batch lie in one piece of memory, which is not counted for each of them.
#[tokio::test]
async fn small_arrow_files_come_in_large_batches() {
    let folder = Folder::new();
    let names: Vec<_> = (0..30).map(|column| format!("c{column}")).collect();
    for number in 0..100 {
        let columns = names.iter().map(|name| (name, Arc::new(Int64Array::from_value(number, 1_000)) as ArrayRef));
        fs::write(folder.path(&format!("{number:03}.arrow")), file(&RecordBatch::try_from_iter(columns).unwrap(), 1_000))
            .unwrap();
    }
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "int64")).collect();
    let mut run = Run::new(FileSource::builder().path(folder.text("*")).build(), job_of(&fields));
    run.poll().await.unwrap();
    assert_eq!(run.numbers("c7").len(), 100_000);
    // 24 MB, in batches of 8.
    assert!(run.batches.len() <= 6, "{} batches", run.batches.len());
}

#[tokio::test]
async fn parquet_and_arrow_columns_by_name_widened_and_missing() {
    let folder = Folder::new();
    let columns: [(&str, ArrayRef); 4] = [
        ("text", Arc::new(LargeStringArray::from(vec![Some("a"), None]))),
        ("extra", Arc::new(Int32Array::from(vec![1, 2]))),
        ("n", Arc::new(Int16Array::from(vec![7, 8]))),
        ("more", Arc::new(StringArray::from(vec!["x", "y"]))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    write(&folder.path("a.parquet"), &rows, 10);
    fs::write(folder.path("a.arrow"), file(&rows, 10)).unwrap();
    for name in ["*.parquet", "*.arrow"] {
        by_name(&folder, name).await;
    }
}

async fn by_name(folder: &Folder, name: &str) {
    let fields = [("n", "int64"), ("text", "string"), ("gone", "date")];
    let run_of = |fields: &[(&str, &str)]| Run::new(FileSource::builder().path(folder.text(name)).build(), job_of(fields));
    let mut run = run_of(&fields);
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), [7, 8]);
    assert_eq!(run.texts("text"), [Some("a".to_owned()), None]);
    assert_eq!(run.batches[0].column(2).null_count(), 2);
    for (fields, what) in [([("n", "int8")], "`n` was int8 and is int16"), ([("need", "int64!")], "`need` is gone")] {
        let error = run_of(&fields).poll().await.unwrap_err();
        assert!(error.as_drift().is_some() && error.to_string().contains(what), "{error}");
    }
    let mut run = run_of(&fields);
    run.job.report_drift = true;
    let error = run.poll().await.unwrap_err();
    let added: Vec<_> = error.as_drift().unwrap().added.iter().map(|field| field.name().clone()).collect();
    assert_eq!(added, ["extra", "more"]);
}

#[tokio::test]
async fn columns_are_discovered() {
    let folder = Folder::new();
    folder.write("orders.jsonl", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"c\":true}\n");
    folder.write("rates.csv", "a;b\n1;2.5\n");
    folder.write("many.json", "[{\"a\":1}]");
    folder.write("z.csv.gz", gzip(b"a,b\n1,2024-01-01\n"));
    write_parquet(&folder.path("p.parquet"), 0..3, 10);
    write_arrow(&folder.path("f.feather"), 0..3, 10);
    fs::write(folder.path("s.arrows"), stream(0..3, 10)).unwrap();
    for (name, expected) in [
        ("orders.jsonl", "orders a:int64 b:string c:bool"),
        ("rates.csv", "rates a:int64 b:float64"),
        ("many.json", "many a:int64"),
        ("z.csv.gz", "z a:int64 b:date"),
        ("p.parquet", "p n:int64!"),
        ("f.feather", "f n:int64!"),
        ("s.arrows", "s n:int64!"),
    ] {
        let source = FileSource::builder().path(folder.text(name)).delimiter(if name == "rates.csv" { ";" } else { "," }).build();
        let found = source.discover().await.unwrap().unwrap();
        let fields = found.schema().fields().iter().map(|f| format!(" {}:{}", f.name(), thyme_core::field_type::name(f)));
        assert_eq!(found.name().to_owned() + &fields.collect::<String>(), expected);
    }
}

#[tokio::test]
async fn formats_that_are_not_known() {
    let folder = Folder::new();
    folder.write("a.orc", "x");
    folder.write("b.log", lines(0..2));
    let source = |name: &str| FileSource::builder().path(folder.text(name));
    let error = Run::new(source("a.orc").build(), job()).poll().await.unwrap_err();
    assert!(error.kind() == Kind::Unsupported && error.to_string().contains("orc comes in a later release"), "{error}");
    let error = source("b.log").build().discover().await.unwrap_err();
    assert!(error.kind() == Kind::Config && error.to_string().contains("set `format`"), "{error}");
    let mut run = Run::new(source("b.log").format(ReadFormat::Jsonl).build(), job());
    run.poll().await.unwrap();
    assert_eq!(run.numbers("n"), [0, 1]);
    let error = FileSource::builder().path("/pipelines/s3://bucket/a").build().validate().unwrap_err();
    assert!(error.to_string().contains("type `s3`"), "{error}");
    let error = source("none.jsonl").build().check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert_eq!(Run::of(folder.text("none.jsonl")).poll().await.unwrap_err().kind(), Kind::NotFound);
}
