//! What stands in the files, read back by other libraries.
use std::io::Read;
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use thyme_core::{Batch, Job, Kind, Position, Sink};
use thyme_file::{FileCompression, FileFormat, FileSink, NonFinite};

use crate::sink_support::*;

/// The text of the only visible file, unpacked, and its name.
fn text(root: &std::path::Path) -> (String, String) {
    let files = visible(root);
    assert_eq!(files.len(), 1, "{:?}", names(root));
    let (path, (bytes, _)) = files.into_iter().next().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut text = String::new();
    match name.rsplit('.').next().unwrap() {
        "gz" => drop(flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap()),
        "zst" => drop(zstd::stream::read::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap()),
        _ => text = String::from_utf8(bytes).unwrap(),
    }
    (text, name)
}

#[tokio::test]
async fn text_keeps_its_order_over_batches_threads_and_compressed_blocks() {
    for (format, suffix) in [(FileFormat::Jsonl, "jsonl"), (FileFormat::Csv, "csv")] {
        for (compression, more) in [(None, ""), (Some(FileCompression::Gzip), ".gz"), (Some(FileCompression::Zstd), ".zst")] {
            let folder = tempfile::tempdir().unwrap();
            let sink = FileSink::builder().path(folder.path().to_str().unwrap()).format(format);
            let sink = sink.maybe_compression(compression).build();
            let mut writer = sink.open(&job("p")).await.unwrap().writer;
            // 3.4 MB of JSON: several blocks, and slices of a batch on two threads.
            commit(writer.as_mut(), 1, 0..100_000, 23_456).await.unwrap();
            let (text, name) = text(folder.path());
            assert_eq!(name, format!("p-0-00000001-000.{suffix}{more}"));
            let mut lines = text.lines();
            if format == FileFormat::Csv {
                assert_eq!(lines.next(), Some("id,name"));
            }
            let mut count = 0;
            for (id, line) in lines.enumerate() {
                let expected = match (format, id % 3) {
                    (FileFormat::Csv, 0) => format!("{id},"),
                    (FileFormat::Csv, _) => format!("{id},name {id}"),
                    (_, 0) => format!(r#"{{"id":{id},"name":null}}"#),
                    _ => format!(r#"{{"id":{id},"name":"name {id}"}}"#),
                };
                assert_eq!(line, expected);
                count += 1;
            }
            assert_eq!(count, 100_000);
        }
    }
}

#[tokio::test]
async fn parquet_keeps_its_order_over_row_groups_that_are_encoded_side_by_side() {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    for compression in [None, Some(FileCompression::None), Some(FileCompression::Gzip), Some(FileCompression::Zstd)] {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::builder().path(folder.path().to_str().unwrap()).maybe_compression(compression).build();
        let job = Job { buffer: 1 << 20, ..job("p") };
        let mut writer = sink.open(&job).await.unwrap().writer;
        commit(writer.as_mut(), 1, 0..400_000, 30_001).await.unwrap();
        assert_eq!(ids(folder.path()), (0..400_000).collect::<Vec<_>>());
        let (bytes, _) = visible(folder.path()).into_values().next().unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(thyme_core::bytes::Bytes::from(bytes)).unwrap();
        let metadata = reader.metadata();
        assert!(metadata.num_row_groups() > 5, "{}", metadata.num_row_groups());
        let column = metadata.row_group(0).column(0);
        let (codec, statistics) = (format!("{:?}", column.compression()), column.statistics().unwrap().min_bytes_opt());
        let expected = match compression {
            None => "SNAPPY",
            Some(FileCompression::None) => "UNCOMPRESSED",
            Some(FileCompression::Gzip) => "GZIP",
            _ => "ZSTD",
        };
        assert!(codec.starts_with(expected), "{codec}");
        assert_eq!(statistics, Some(&0i64.to_le_bytes()[..]));
    }
}

#[tokio::test]
async fn arrow_keeps_its_order_in_record_batches_of_a_size() {
    use arrow_ipc::reader::FileReader;
    let mut sizes = Vec::new();
    for compression in [None, Some(FileCompression::None), Some(FileCompression::Lz4), Some(FileCompression::Zstd)] {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::builder().path(folder.path().to_str().unwrap()).format(FileFormat::Arrow);
        let sink = sink.maybe_compression(compression).build();
        let job = Job { buffer: 4 << 20, ..job("p") };
        let mut writer = sink.open(&job).await.unwrap().writer;
        commit(writer.as_mut(), 1, 0..400_000, 3_001).await.unwrap();
        let (path, (bytes, _)) = visible(folder.path()).into_iter().next().unwrap();
        assert_eq!(path.extension().unwrap(), "arrow");
        let reader = FileReader::try_new(std::io::Cursor::new(&bytes), None).unwrap();
        assert!((5..50).contains(&reader.num_batches()), "{}", reader.num_batches());
        let ids: Vec<i64> = reader.flat_map(|rows| rows.unwrap()["id"].as_primitive::<Int64Type>().values().to_vec()).collect();
        assert_eq!(ids, (0..400_000).collect::<Vec<_>>());
        sizes.push(bytes.len());
    }
    assert!(sizes[0] == sizes[1] && sizes[1] > sizes[2] && sizes[2] > sizes[3], "{sizes:?}");
}

#[tokio::test]
async fn a_row_that_json_cannot_hold_is_refused_alone() {
    let floats = (0..10_000).map(|row| if row % 4000 == 3999 { f64::NAN } else { row as f64 });
    let columns = || -> Vec<(&str, ArrayRef)> {
        let even: StringArray = (0..10_000).map(|row| Some(if row % 2 == 0 { "even" } else { "odd" })).collect();
        vec![("x", Arc::new(Float64Array::from_iter_values(floats.clone()))), ("kind", Arc::new(even))]
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let sink = FileSink::builder().path(path).format(FileFormat::Jsonl).build();
    let (rejects, _) = write(&sink, folder.path(), columns()).await;
    assert_eq!(rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [Some(3999), Some(7999)]);
    assert!(rejects[0].reason.contains("NaN"), "{}", rejects[0].reason);
    let (all, _) = text(folder.path());
    assert_eq!(all.lines().count(), 9998);
    assert_eq!(all.lines().nth(3999).unwrap(), r#"{"x":4000.0,"kind":"even"}"#);

    // By the rows of the batch, though they go to several files.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let sink = FileSink::builder().path(path).format(FileFormat::Jsonl).partition_by(["kind"]).build();
    let (rejects, _) = write(&sink, folder.path(), columns()).await;
    assert_eq!(rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [Some(3999), Some(7999)]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let sink = FileSink::builder().path(path).format(FileFormat::Jsonl).non_finite(NonFinite::Null).build();
    let (rejects, _) = write(&sink, folder.path(), columns()).await;
    assert!(rejects.is_empty());
    assert_eq!(text(folder.path()).0.lines().nth(3999).unwrap(), r#"{"x":null,"kind":"odd"}"#);
}

#[tokio::test]
async fn a_file_of_refused_rows_alone_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).format(FileFormat::Jsonl).build();
    let (rejects, names) = write(&sink, folder.path(), vec![("x", Arc::new(Float64Array::from(vec![f64::INFINITY])))]).await;
    assert_eq!((rejects.len(), names.len()), (1, 0));
    assert_eq!(sink.cursors("p").await.unwrap().len(), 1);
}

#[tokio::test]
async fn csv_as_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).format(FileFormat::Csv);
    let sink = sink.delimiter(";").header(false).null_value("NULL").build();
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a;b"), None, Some("NULL"), Some("q\"")]));
    write(&sink, folder.path(), vec![("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))), ("name", names)]).await;
    assert_eq!(text(folder.path()).0, "1;\"a;b\"\n2;NULL\n3;\"NULL\"\n4;\"q\"\"\"\n");
}

#[tokio::test]
async fn options_that_contradict_each_other_are_named() {
    let sink = |path: &str| FileSink::builder().path(path).format(FileFormat::Csv);
    let format = |format| FileSink::builder().path("x").format(format);
    for (sink, text) in [
        (sink("x").compression(FileCompression::Snappy).build(), "snappy is for Parquet"),
        (sink("x").compression(FileCompression::Lz4).build(), "lz4 is for Arrow"),
        (format(FileFormat::Parquet).compression(FileCompression::Lz4).build(), "lz4 is for Arrow"),
        (format(FileFormat::Arrow).compression(FileCompression::Gzip).build(), "gzip is for text and Parquet"),
        (sink("x").delimiter("ab").build(), "one ASCII character"),
        (sink("").build(), "the path is empty"),
        (sink("s3://bucket/x").build(), "`type = \"s3\"`"),
        (sink("x").file_template("{datum}").build(), "did you mean `{date}`?"),
        (sink("x").file_template("a/b").build(), "no `/`"),
        (sink("x").file_template("{seq").build(), "never closed"),
    ] {
        let error = sink.validate().unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.message().contains(text), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let sink = |columns: &[&'static str]| {
        FileSink::builder().path(folder.path().to_str().unwrap()).partition_by(columns.to_vec()).build()
    };
    for (columns, text) in
        [(&["nam"][..], "did you mean `name`?"), (&["id", "name"], "no column is left"), (&["id", "id"], "twice")]
    {
        let error = sink(columns).open(&job("p")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.message().contains(text), "{error}");
    }
}

#[tokio::test]
async fn stage_holds_no_more_than_its_buffer() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let job = Job { buffer: 2 << 20, ..job("p") };
    let mut writer = sink.open(&job).await.unwrap().writer;
    let mut most = 0;
    for from in (0..1_000_000).step_by(20_000) {
        let rows = batch(from..from + 20_000);
        let staged = writer.stage(&Batch::insert(rows.rows, Position::of(&0))).await.unwrap();
        assert!(staged.rejects.is_empty());
        most = most.max(staged.buffered);
    }
    assert!(most > 0 && most <= 2 << 20, "{most}");
    writer.commit(&cursor(1, 0)).await.unwrap();
    assert_eq!(ids(folder.path()).len(), 1_000_000);
}
