//! What files and folders are called.
use std::collections::BTreeSet;
use std::sync::Arc;

use thyme_core::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt8Array,
};
use thyme_core::{Job, Sink};
use thyme_file::{FileFormat, FileSink};

use crate::sink_support::*;

fn folders(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.rsplit_once('/').unwrap().0.to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
}

#[tokio::test]
async fn odd_values_are_folders_of_their_own() {
    let odd = [
        Some("plain"),
        None,
        Some(""),
        Some(".."),
        Some("a/b"),
        Some("a=b"),
        Some("50%"),
        Some("é"),
        Some("a b"),
        Some("\n\0"),
        Some("__HIVE_DEFAULT_PARTITION__"),
        Some("NULL"),
        Some("Plain"),
    ];
    let long = "x".repeat(300);
    let values: StringArray = odd.iter().copied().chain([Some(long.as_str()), Some("plain")]).collect();
    let ids = Int64Array::from_iter_values(0..odd.len() as i64 + 2);
    let folder = tempfile::tempdir().unwrap();
    let sink =
        FileSink::builder().path(folder.path().to_str().unwrap()).format(FileFormat::Jsonl).partition_by(["k e/y"]).build();
    let (rejects, names) = write(&sink, folder.path(), vec![("id", Arc::new(ids)), ("k e/y", Arc::new(values))]).await;
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0].row, Some(odd.len()));
    assert!(rejects[0].reason.contains("at most 255"), "{}", rejects[0].reason);
    let mut expected: Vec<_> = [
        "plain",
        "__HIVE_DEFAULT_PARTITION__",
        "",
        "..",
        "a%2Fb",
        "a%3Db",
        "50%25",
        "%C3%A9",
        "a b",
        "%0A%00",
        "%5F_HIVE_DEFAULT_PARTITION__",
        "NULL",
        "Plain",
    ]
    .map(|value| format!("k e%2Fy={value}"))
    .into();
    expected.sort();
    assert_eq!(folders(&names), expected);
    // The rows of one value, in order; the column is in the folder's name alone.
    let plain = visible(folder.path()).into_iter().find(|(path, _)| path.to_str().unwrap().contains("=plain/")).unwrap();
    assert_eq!(String::from_utf8(plain.1.0).unwrap(), "{\"id\":0}\n{\"id\":14}\n");
}

#[tokio::test]
async fn values_of_every_type_that_makes_folders() {
    let folder = tempfile::tempdir().unwrap();
    let by = ["dt", "at", "local", "price", "ok", "n"];
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).partition_by(by).build();
    let at = 1_704_067_200_000_000;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("dt", Arc::new(Date32Array::from(vec![19723]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![at]).with_timezone("+00:00"))),
        ("local", Arc::new(TimestampMicrosecondArray::from(vec![at + 1]))),
        ("price", Arc::new(Decimal128Array::from(vec![-1205]).with_precision_and_scale(12, 2).unwrap())),
        ("ok", Arc::new(BooleanArray::from(vec![true]))),
        ("n", Arc::new(UInt8Array::from(vec![7]))),
        ("id", Arc::new(Int64Array::from(vec![1]))),
    ];
    let (rejects, names) = write(&sink, folder.path(), columns).await;
    assert!(rejects.is_empty());
    let expected = "dt=2024-01-01/at=2024-01-01T00%3A00%3A00Z/local=2024-01-01T00%3A00%3A00.000001/price=-12.05/ok=true/n=7";
    assert_eq!(folders(&names), [expected]);
    assert_eq!(ids(folder.path()), [1]);
}

#[tokio::test]
async fn more_partitions_than_open_files() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).partition_by(["k"]).build();
    let keys = Int64Array::from_iter_values((0..2000).map(|row| row % 200));
    let columns: Vec<(&str, ArrayRef)> = vec![("k", Arc::new(keys)), ("id", Arc::new(Int64Array::from_iter_values(0..2000)))];
    let (_, names) = write(&sink, folder.path(), columns).await;
    assert_eq!(folders(&names).len(), 200);
    let mut all = ids(folder.path());
    all.sort_unstable();
    assert_eq!(all, (0..2000).collect::<Vec<_>>());
}

#[tokio::test]
async fn templates() {
    for (template, name) in [
        ("{pipeline}-{task}-{seq}-{part}", "p-0-00000001-000.parquet"),
        ("{part}of{seq}_{task}_{pipeline}", "000of00000001_0_p.parquet"),
        ("events", "events-p-0-00000001-000.parquet"),
        ("events_{dataset}_{seq}", "events_orders_00000001-p-0-000.parquet"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::builder().path(folder.path().to_str().unwrap()).file_template(template).build();
        let mut writer = sink.open(&job("p")).await.unwrap().writer;
        commit(writer.as_mut(), 1, 0..10, 10).await.unwrap();
        assert_eq!(names(folder.path()), [name]);
    }
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).file_template("events_{date}").build();
    let mut writer = sink.open(&job("p")).await.unwrap().writer;
    commit(writer.as_mut(), 1, 0..10, 10).await.unwrap();
    let name = names(folder.path()).remove(0);
    let date = name.strip_prefix("events_").and_then(|rest| rest.strip_suffix("-p-0-00000001-000.parquet")).unwrap();
    assert!(date.len() == 10 && date.starts_with("20"), "{date}");
}

#[tokio::test]
async fn a_name_that_is_taken_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p-0-00000001-000.parquet"), "mine").unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let mut writer = sink.open(&Job { ..job("p") }).await.unwrap().writer;
    commit(writer.as_mut(), 1, 0..10, 10).await.unwrap();
    assert_eq!(names(folder.path()), ["p-0-00000001-000-2.parquet", "p-0-00000001-000.parquet"]);
    assert_eq!(std::fs::read(folder.path().join("p-0-00000001-000.parquet")).unwrap(), b"mine");
}
