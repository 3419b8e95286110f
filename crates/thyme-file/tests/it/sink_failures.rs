//! What stands in the way of writing, by kind.
use std::sync::Arc;

use thyme_core::{Kind, Sink};
use thyme_file::FileSink;
use thyme_files::write::{Options, open};

use crate::sink_support::*;

#[tokio::test]
async fn a_place_where_nobody_may_write() {
    // Not even root makes folders there.
    let sink = FileSink::builder().path("/sys/kernel/thyme-test").build();
    let error = sink.open(&job("p")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    assert!(error.to_string().contains("/sys/kernel/thyme-test"), "{error}");
}

#[tokio::test]
async fn a_target_that_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.parquet");
    std::fs::write(&path, "").unwrap();
    let sink = FileSink::builder().path(path.to_str().unwrap()).build();
    for error in [sink.check().await.unwrap_err(), sink.open(&job("p")).await.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Config, "{error}");
        assert!(error.message().contains("has to be a folder"), "{error}");
    }
}

#[tokio::test]
async fn check_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/c");
    FileSink::builder().path(path.to_str().unwrap()).build().check().await.unwrap();
    assert!(!folder.path().join("a").exists());
}

#[tokio::test]
async fn an_intent_that_does_not_parse_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let mut writer = sink.open(&job("p")).await.unwrap().writer;
    commit(writer.as_mut(), 1, 0..10, 5).await.unwrap();
    std::fs::write(folder.path().join("_thyme/p/0/00000000000000000002.json"), "{\"version\"").unwrap();
    for error in [sink.open(&job("p")).await.unwrap_err(), sink.cursors("p").await.unwrap_err()] {
        assert_eq!(error.kind(), Kind::CursorLost, "{error}");
        assert!(error.to_string().contains("00000000000000000002.json"), "{error}");
    }
    std::fs::write(folder.path().join("_thyme/p/0/00000000000000000002.json"), "{\"version\":9,\"attempt\":\"x\"}").unwrap();
    assert_eq!(sink.open(&job("p")).await.unwrap_err().kind(), Kind::Unsupported);
}

#[tokio::test]
async fn a_committed_file_whose_name_was_taken_is_not_lost() {
    // A death between the intent and the rename, wherever that is.
    let mut steps = 1;
    let folder = loop {
        let folder = tempfile::tempdir().unwrap();
        let target = Arc::new(Dying::new(folder.path(), steps, false));
        if let Ok(opened) = open(Arc::clone(&target) as _, &job("p"), Options::default()).await {
            let mut writer = opened.writer;
            assert!(commit(writer.as_mut(), 1, 0..10, 10).await.is_err());
            let record = std::fs::read_to_string(folder.path().join("_thyme/p/0/00000000000000000002.json"));
            if record.is_ok_and(|record| record.contains("p-0-00000001-000.parquet")) {
                break folder;
            }
        }
        steps += 1;
    };
    let path = folder.path().join("p-0-00000001-000.parquet");
    std::fs::write(&path, "somebody else's").unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let error = sink.open(&job("p")).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.message().contains("move it away"), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(stands(sink.open(&job("p")).await.unwrap().cursor.as_ref()), 10);
    assert_eq!(ids(folder.path()), (0..10).collect::<Vec<_>>());
}
