//! Two writers of one task, and other pipelines beside it.
use thyme_core::{Kind, Sink};
use thyme_file::FileSink;

use crate::sink_support::*;

#[tokio::test]
async fn a_newer_writer_shuts_the_older_one_out() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let mut older = sink.open(&job("p")).await.unwrap().writer;
    commit(older.as_mut(), 1, 0..10, 5).await.unwrap();
    older.stage(&batch(10..20)).await.unwrap();
    let opened = sink.open(&job("p")).await.unwrap();
    assert_eq!(stands(opened.cursor.as_ref()), 10);
    let mut newer = opened.writer;
    // Before the newer one commits anything.
    let error = older.commit(&cursor(2, 20)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    newer.stage(&batch(10..30)).await.unwrap();
    newer.commit(&cursor(2, 30)).await.unwrap();
    // And however often it tries afterwards, with rows or without.
    older.stage(&batch(10..20)).await.unwrap();
    assert_eq!(older.commit(&cursor(2, 20)).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(older.commit(&cursor(9, 20)).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(ids(folder.path()), (0..30).collect::<Vec<_>>());
    commit(newer.as_mut(), 3, 30..40, 5).await.unwrap();
    assert_eq!(ids(folder.path()), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_writer_that_slept_through_many_commits_is_shut_out_too() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let mut sleeper = sink.open(&job("p")).await.unwrap().writer;
    sleeper.stage(&batch(0..10)).await.unwrap();
    let mut newer = sink.open(&job("p")).await.unwrap().writer;
    for seq in 1..=8 {
        let from = (seq as i64 - 1) * 10;
        commit(newer.as_mut(), seq, from..from + 10, 10).await.unwrap();
    }
    // The record whose number it would take is long gone.
    let records =
        || std::fs::read_dir(folder.path().join("_thyme/p/0")).unwrap().flatten().filter(|e| e.path().is_file()).count();
    assert_eq!(records(), 3);
    for seq in [1, 9] {
        let error = sleeper.commit(&cursor(seq, 10)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict, "{error}");
    }
    assert_eq!(records(), 3);
    commit(newer.as_mut(), 9, 80..90, 10).await.unwrap();
    assert_eq!(ids(folder.path()), (0..90).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_fight_for_a_task_write_each_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let fighters: Vec<_> = (0..4)
        .map(|fighter| {
            let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
            tokio::spawn(async move {
                let mut won = 0;
                for round in 0.. {
                    // Else they shut each other out before anybody gets to a commit.
                    tokio::time::sleep(std::time::Duration::from_millis(round * (7 * fighter + round) % 61)).await;
                    let opened = sink.open(&job("p")).await;
                    let opened = match opened {
                        Ok(opened) => opened,
                        Err(error) => {
                            assert_eq!(error.kind(), Kind::Conflict, "{error}");
                            continue;
                        }
                    };
                    let (mut writer, mut at) = (opened.writer, stands(opened.cursor.as_ref()));
                    let mut seq = opened.cursor.map_or(0, |cursor| cursor.seq);
                    loop {
                        if at >= 200 {
                            return won;
                        }
                        seq += 1;
                        match commit(writer.as_mut(), seq, at..at + 10, 4).await {
                            Ok(()) => (at, won) = (at + 10, won + 1),
                            Err(error) => {
                                assert_eq!(error.kind(), Kind::Conflict, "{error}");
                                break;
                            }
                        }
                    }
                }
                won
            })
        })
        .collect();
    let mut won = 0;
    for fighter in fighters {
        won += tokio::time::timeout(std::time::Duration::from_secs(120), fighter).await.unwrap().unwrap();
    }
    // A commit may have happened although its writer was told of a conflict.
    assert!((1..=20).contains(&won), "{won}");
    assert_eq!(ids(folder.path()), (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn pipelines_and_tasks_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let template = FileSink::builder().path(folder.path().to_str().unwrap()).file_template("same").build();
    let tasks = [("a", "0"), ("a", "x/1"), ("a-1", "0"), ("a", "1-0")];
    let mut writers = Vec::new();
    for (pipeline, task) in tasks {
        let job = job(pipeline).for_task(task.into());
        writers.push(template.open(&job).await.unwrap().writer);
    }
    for (at, writer) in (0..).step_by(10).zip(&mut writers) {
        commit(writer.as_mut(), 1, at..at + 10, 10).await.unwrap();
    }
    let mut all = ids(folder.path());
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
    let cursors = template.cursors("a").await.unwrap();
    assert_eq!(cursors.keys().map(|task| &**task).collect::<Vec<_>>(), ["0", "1-0", "x/1"]);
    assert_eq!(stands(cursors.get("x/1")), 20);
    assert_eq!(template.cursors("b").await.unwrap().len(), 0);
}
