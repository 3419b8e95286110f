//! Cut off at every step and opened again: each row once, in order, and no visible file ever changes.
use std::path::Path;
use std::sync::Arc;

use thyme_core::{Kind, Result, Sink};
use thyme_file::FileSink;
use thyme_files::write::{Options, Roll, Target, open};

use crate::sink_support::*;

const ROWS: i64 = 600;

fn options() -> Options {
    Options { roll: Roll { rows: Some(70), ..Roll::default() }, ..Options::default() }
}

/// Goes on from where the target stands to the end, with a commit every `rows`.
async fn run(target: Arc<dyn Target>, rows: i64, step: usize) -> Result<()> {
    let opened = open(target, &job("p"), options()).await?;
    let (mut writer, mut seq) = (opened.writer, opened.cursor.as_ref().map_or(0, |cursor| cursor.seq));
    let mut at = stands(opened.cursor.as_ref());
    while at < ROWS {
        seq += 1;
        let to = ROWS.min(at + rows);
        commit(writer.as_mut(), seq, at..to, step).await?;
        at = to;
    }
    Ok(())
}

fn nothing_changed(before: &std::collections::BTreeMap<std::path::PathBuf, (Vec<u8>, u64)>, root: &Path, what: &str) {
    let after = visible(root);
    for (path, file) in before {
        assert!(after.get(path) == Some(file), "{what}: {} changed after it was visible", path.display());
    }
}

#[tokio::test]
async fn a_death_at_any_step_costs_nothing() {
    let (mut deaths, mut steps) = (0, 1);
    'steps: loop {
        for after in [false, true] {
            let what = format!("step {steps}, after {after}");
            let folder = tempfile::tempdir().unwrap();
            let target = Arc::new(Dying::new(folder.path(), steps, after));
            let first = run(Arc::clone(&target) as _, 200, 45).await;
            if !target.died() {
                first.unwrap();
                break 'steps;
            }
            assert_eq!(first.unwrap_err().message(), "died", "{what}");
            deaths += 1;
            let before = visible(folder.path());
            // A second death, then a life with other commits and batches.
            let second = Arc::new(Dying::new(folder.path(), steps % 23 + 1, !after));
            let _ = run(second as _, 150, 60).await;
            nothing_changed(&before, folder.path(), &what);
            let before = visible(folder.path());
            run(Arc::new(Dying::new(folder.path(), usize::MAX, false)) as _, 170, 33).await.unwrap();
            nothing_changed(&before, folder.path(), &what);
            assert_eq!(ids(folder.path()), (0..ROWS).collect::<Vec<_>>(), "{what}");
            let left = walk(&folder.path().join("_thyme"));
            assert!(left.iter().all(|name| name.ends_with(".json")), "{what}: {left:?}");
            assert!(left.len() <= 4, "{what}: {left:?}");
        }
        steps += 1;
    }
    assert!(deaths > 120, "{deaths} deaths");
}

/// Names of the files below `root`.
fn walk(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                names.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    names
}

#[tokio::test]
async fn a_writer_dropped_within_a_commit_costs_nothing() {
    let mut cut = 0;
    for polls in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
        let mut writer = sink.open(&job("p")).await.unwrap().writer;
        commit(writer.as_mut(), 1, 0..100, 30).await.unwrap();
        let before = visible(folder.path());
        let done = Few { polls, inner: Box::pin(commit(writer.as_mut(), 2, 100..200, 30)) }.await;
        drop(writer);
        let opened = sink.open(&job("p")).await.unwrap();
        let (mut writer, at) = (opened.writer, stands(opened.cursor.as_ref()));
        assert!(at == 100 || at == 200, "{at}");
        let seq = opened.cursor.unwrap().seq;
        commit(writer.as_mut(), seq + 1, at..300, 30).await.unwrap();
        nothing_changed(&before, folder.path(), &format!("cut at poll {polls}"));
        assert_eq!(ids(folder.path()), (0..300).collect::<Vec<_>>(), "cut at poll {polls}");
        if let Some(done) = done {
            done.unwrap();
            assert_eq!(at, 200);
            break;
        }
        cut += 1;
    }
    assert!(cut > 6, "{cut} cuts");
}

/// Polls a future so many times, then gives it up.
struct Few<F> {
    polls: usize,
    inner: std::pin::Pin<Box<F>>,
}

impl<F: Future> Future for Few<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        use std::task::Poll;
        match self.inner.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.polls == 1 => Poll::Ready(None),
            Poll::Pending => {
                self.polls -= 1;
                Poll::Pending
            }
        }
    }
}

#[tokio::test]
async fn a_replayed_commit_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let mut writer = sink.open(&job("p")).await.unwrap().writer;
    commit(writer.as_mut(), 1, 0..10, 5).await.unwrap();
    let before = visible(folder.path());
    // Said again, without rows: the answer was lost.
    writer.commit(&cursor(1, 10)).await.unwrap();
    // Said again with the rows, by a writer that does not know.
    let opened = sink.open(&job("p")).await.unwrap();
    assert_eq!(opened.cursor, Some(cursor(1, 10)));
    let mut writer = opened.writer;
    let error = commit(writer.as_mut(), 1, 0..10, 5).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    assert_eq!(visible(folder.path()), before);
    assert_eq!(sink.cursors("p").await.unwrap().into_values().collect::<Vec<_>>(), [cursor(1, 10)]);
}

#[tokio::test]
async fn a_commit_without_rows_moves_the_cursor_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::builder().path(folder.path().to_str().unwrap()).build();
    let mut writer = sink.open(&job("p")).await.unwrap().writer;
    writer.commit(&cursor(1, 7)).await.unwrap();
    assert!(visible(folder.path()).is_empty());
    assert_eq!(sink.open(&job("p")).await.unwrap().cursor, Some(cursor(1, 7)));
}
