//! `overwrite` and `error_if_exists`.
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use thyme_core::{Error, Kind, Sink};
use thyme_file::{FileMode, FileSink, RollConfig};
use thyme_files::write::{Mode, Options, open};

use crate::sink_support::*;

fn sink_at(path: &Path, mode: FileMode) -> FileSink {
    FileSink::builder().path(path.to_str().unwrap()).mode(mode).build()
}

/// Opens anew and makes `ids` all there is.
async fn replace(sink: &FileSink, ids: std::ops::Range<i64>) -> Result<(), Error> {
    let opened = sink.open(&job("p")).await?;
    let (mut writer, seq) = (opened.writer, opened.cursor.map_or(0, |cursor| cursor.seq) + 1);
    commit(writer.as_mut(), seq, ids, 100).await
}

#[tokio::test]
async fn each_poll_replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let sink = sink_at(&path, FileMode::Overwrite);
    assert!(sink.info().per_poll);
    for ids_now in [0..100, 50..350, 7..8] {
        replace(&sink, ids_now.clone()).await.unwrap();
        assert_eq!(ids(&path), ids_now.collect::<Vec<_>>());
    }
    // A poll without rows leaves it as it is.
    replace(&sink, 0..0).await.unwrap();
    assert_eq!(ids(&path), [7]);
    assert_eq!(sink.cursors("p").await.unwrap().values().next().unwrap().seq, 4);
    let beside: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(beside.into_iter().collect::<BTreeSet<_>>(), [".out.thyme".to_owned(), "out".to_owned()].into());
    // What was replaced last stays for those who still read it.
    let left = std::fs::read_dir(folder.path().join(".out.thyme/_thyme/p/0")).unwrap().flatten().map(|entry| entry.path());
    let left: Vec<_> = left.filter(|path| path.is_dir() && !path.ends_with("tmp")).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(ids(&left[0]), (50..350).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_reader_meanwhile_sees_the_old_files_or_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let roll = RollConfig::builder().rows(5).build();
    let sink = FileSink::builder().path(path.to_str().unwrap()).mode(FileMode::Overwrite).roll(roll).build();
    replace(&sink, 0..20).await.unwrap();
    let (done, walks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let reader = tokio::task::spawn_blocking({
        let (path, done, walks) = (path.clone(), Arc::clone(&done), Arc::clone(&walks));
        move || {
            let (mut whole, mut seen) = (0, BTreeSet::new());
            while !done.load(Ordering::SeqCst) {
                let listed = std::fs::read_dir(&path).expect("the target is always there").map(|entry| entry.unwrap().path());
                walks.fetch_add(1, Ordering::SeqCst);
                let listed: Vec<_> = listed.filter(|path| path.extension().is_some_and(|end| end == "parquet")).collect();
                assert_eq!(listed.len(), 4, "{listed:?}");
                // A file that is gone is of a set that is gone.
                let Ok(files) = listed.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>() else { continue };
                let mut all: Vec<i64> = files.into_iter().flat_map(ids_of).collect();
                all.sort_unstable();
                assert_eq!(all, (all[0]..all[0] + 20).collect::<Vec<_>>());
                seen.insert(all[0]);
                whole += 1;
            }
            (whole, seen.len())
        }
    });
    for from in 1..60 {
        replace(&sink, from * 100..from * 100 + 20).await.unwrap();
        // A walk may meet one replacement, not two.
        let before = walks.load(Ordering::SeqCst);
        while walks.load(Ordering::SeqCst) < before + 2 && !reader.is_finished() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    done.store(true, Ordering::SeqCst);
    let (whole, seen) = reader.await.unwrap();
    assert!(whole > 5 && seen > 3, "{whole} whole, {seen} seen");
}

#[tokio::test]
async fn a_death_at_any_step_of_a_replacement_costs_nothing() {
    let mut deaths = 0;
    'steps: for steps in 1.. {
        for after in [false, true] {
            let what = format!("step {steps}, after {after}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("out");
            replace(&sink_at(&path, FileMode::Overwrite), 0..100).await.unwrap();
            let target = Arc::new(Dying::replacing(&path, steps, after));
            let options = Options { mode: Mode::Overwrite, ..Options::default() };
            let died = async {
                let mut writer = open(Arc::clone(&target) as _, &job("p"), options).await?.writer;
                commit(writer.as_mut(), 2, 200..300, 30).await
            };
            let died = died.await;
            let now = ids(&path);
            assert!(now == (0..100).collect::<Vec<_>>() || now == (200..300).collect::<Vec<_>>(), "{what}");
            let opened = sink_at(&path, FileMode::Overwrite).open(&job("p")).await.unwrap();
            let expected = if stands(opened.cursor.as_ref()) == 100 { 0..100 } else { 200..300 };
            assert_eq!(ids(&path), expected.collect::<Vec<_>>(), "{what}");
            if !target.died() {
                died.unwrap();
                break 'steps;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 20, "{deaths}");
}

#[tokio::test]
async fn what_is_not_ours_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    std::fs::create_dir_all(path.join("dt=1")).unwrap();
    std::fs::write(path.join("dt=1/old.parquet"), "").unwrap();
    std::fs::write(path.join("thesis.docx"), "years of work").unwrap();
    let sink = sink_at(&path, FileMode::Overwrite);
    let error = replace(&sink, 0..10).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.to_string().contains("thesis.docx"), "{error}");
    std::fs::remove_file(path.join("thesis.docx")).unwrap();
    // Data files of somebody who is not known are what the user wants replaced.
    replace(&sink, 0..10).await.unwrap();
    assert_eq!(ids(&path), (0..10).collect::<Vec<_>>());
    let error = sink.open(&job("other")).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.message().contains("belongs to the pipeline `p`"), "{error}");
    // Adding to it would repeat its rows.
    let error = sink_at(&path, FileMode::Append).open(&job("p")).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.message().contains("rows of it would come twice"), "{error}");
}

#[tokio::test]
async fn a_target_of_somebody_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let sink = sink_at(&path, FileMode::ErrorIfExists);
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("a.csv"), "").unwrap();
    let error = sink.open(&job("p")).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.to_string().contains("a.csv"), "{error}");
    std::fs::remove_file(path.join("a.csv")).unwrap();
    for (seq, from) in [(1, 0), (2, 10)] {
        let mut writer = sink.open(&job("p")).await.unwrap().writer;
        commit(writer.as_mut(), seq, from..from + 10, 5).await.unwrap();
    }
    assert_eq!(ids(&path), (0..20).collect::<Vec<_>>());
    let error = sink.open(&job("q")).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.message().contains("belongs to the pipeline `p`"), "{error}");

    // A folder that another pipeline adds to is not ours, though it has no file yet; one that we added to is.
    let path = folder.path().join("shared");
    let (append, strict) = (sink_at(&path, FileMode::Append), sink_at(&path, FileMode::ErrorIfExists));
    append.open(&job("p")).await.unwrap();
    assert_eq!(strict.open(&job("q")).await.unwrap_err().kind(), Kind::Conflict);
    let mut writer = strict.open(&job("p")).await.unwrap().writer;
    commit(writer.as_mut(), 1, 0..10, 5).await.unwrap();
}
