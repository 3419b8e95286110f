//! A real process, killed at each named point of a commit, and run again: each row once, and no visible file ever changes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
#[path = "it/sink_support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod sink_support;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use libtest_mimic::{Arguments, Failed, Trial};
use thyme_core::Sink;
use thyme_file::{FileMode, FileSink, RollConfig};

use sink_support::*;

const ROWS: i64 = 600;
const POINTS: &[&str] =
    &["file.before_sync", "file.before_intent", "file.after_intent", "file.after_rename", "file.after_settle"];
const REPLACED: &[&str] =
    &["file.before_intent", "file.after_intent", "file.after_move", "file.before_exchange", "file.after_rename"];

fn main() {
    if let Ok(Some(folder)) = thyme_core::env::var("THYME_CHILD_APPENDS") {
        return child(appends(Path::new(&folder)));
    }
    if let Ok(Some(folder)) = thyme_core::env::var("THYME_CHILD_REPLACES") {
        return child(replaces(Path::new(&folder)));
    }
    let mut trials = Vec::new();
    for point in POINTS {
        trials.push(Trial::test(format!("append::{point}"), || killed_while_appending(point)));
    }
    for point in REPLACED {
        trials.push(Trial::test(format!("overwrite::{point}"), || killed_while_replacing(point)));
    }
    trials.push(Trial::test("without_an_intent_rows_come_twice", without_an_intent));
    trials.push(Trial::test("a_file_that_cannot_grow", a_file_that_cannot_grow));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn child(work: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(work);
}

/// Goes on to the end, with files of 70 rows and a commit every 200.
async fn appends(folder: &Path) {
    let roll = RollConfig::builder().rows(70).build();
    let sink = FileSink::builder().path(folder.to_str().unwrap()).roll(roll).build();
    let opened = sink.open(&job("p")).await.unwrap();
    let (mut writer, mut at) = (opened.writer, stands(opened.cursor.as_ref()));
    let mut seq = opened.cursor.map_or(0, |cursor| cursor.seq);
    while at < ROWS {
        let to = ROWS.min(at + 200);
        seq += 1;
        commit(writer.as_mut(), seq, at..to, 45).await.unwrap();
        at = to;
    }
}

fn overwrites(folder: &Path) -> FileSink {
    FileSink::builder().path(folder.join("out").to_str().unwrap()).mode(FileMode::Overwrite).build()
}

/// Replaces what is there by the next hundred rows.
async fn replaces(folder: &Path) {
    let opened = overwrites(folder).open(&job("p")).await.unwrap();
    let (mut writer, at) = (opened.writer, stands(opened.cursor.as_ref()));
    let seq = opened.cursor.map_or(0, |cursor| cursor.seq) + 1;
    commit(writer.as_mut(), seq, at..at + 100, 30).await.unwrap();
}

fn run(what: &str, folder: &Path, env: &[(&str, &str)]) -> ExitStatus {
    let child: PathBuf = std::env::current_exe().unwrap();
    Command::new(child).env(what, folder).envs(env.iter().copied()).status().unwrap()
}

fn check(holds: bool, what: &str) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn killed_while_appending(point: &str) -> Result<(), Failed> {
    for nth in 1..=5 {
        let folder = tempfile::tempdir().unwrap();
        let what = format!("{point}:{nth}");
        let status = run("THYME_CHILD_APPENDS", folder.path(), &[("THYME_CRASH", &what)]);
        if status.success() {
            // It comes by less often than that; three commits make it at least three times.
            check(nth > 3, "the child never came by")?;
            continue;
        }
        check(status.signal() == Some(9), &format!("{what}: {status}"))?;
        let before = visible(folder.path());
        check(run("THYME_CHILD_APPENDS", folder.path(), &[]).success(), &what)?;
        let after = visible(folder.path());
        check(before.iter().all(|(path, file)| after.get(path) == Some(file)), &format!("{what}: a visible file changed"))?;
        check(ids(folder.path()) == (0..ROWS).collect::<Vec<_>>(), &format!("{what}: not each row once"))?;
    }
    Ok(())
}

fn killed_while_replacing(point: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    check(run("THYME_CHILD_REPLACES", folder.path(), &[]).success(), "the first poll")?;
    let status = run("THYME_CHILD_REPLACES", folder.path(), &[("THYME_CRASH", point)]);
    check(status.signal() == Some(9), &format!("{status}"))?;
    let (old, new) = ((0..100).collect::<Vec<_>>(), (100..200).collect::<Vec<_>>());
    let now = ids(&out);
    check(now == old || now == new, "some of each")?;
    let opened = tokio::runtime::Runtime::new().unwrap().block_on(overwrites(folder.path()).open(&job("p"))).unwrap();
    let expected = if stands(opened.cursor.as_ref()) == 100 { old } else { new };
    check((point == "file.before_intent") == (expected[0] == 0), "the intent is the commit")?;
    check(ids(&out) == expected, "rows and cursor do not agree")?;
    check(run("THYME_CHILD_REPLACES", folder.path(), &[]).success(), "the last poll")?;
    let next = expected[0] + 100;
    check(ids(&out) == (next..next + 100).collect::<Vec<_>>(), "the last poll's rows")
}

/// A deliberate breakage: files get their names before the intent. The same check has to notice.
fn without_an_intent() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let broken = [("THYME_BREAK", "no_intent"), ("THYME_CRASH", "file.after_rename:2")];
    let status = run("THYME_CHILD_APPENDS", folder.path(), &broken);
    check(status.signal() == Some(9), &format!("{status}"))?;
    check(run("THYME_CHILD_APPENDS", folder.path(), &[]).success(), "the second life")?;
    let mut all = ids(folder.path());
    check(all.len() > ROWS as usize, "the breakage went unnoticed")?;
    all.sort_unstable();
    all.dedup();
    check(all == (0..ROWS).collect::<Vec<_>>(), "rows came twice, but none is lost")
}

/// As on a full disk, a write fails in the middle: nothing is seen, nothing is lost.
fn a_file_that_cannot_grow() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let limited = "trap '' XFSZ; ulimit -f 2; exec \"$0\"";
    let child = std::env::current_exe().unwrap();
    let output = Command::new("sh").args(["-c", limited]).arg(child).env("THYME_CHILD_APPENDS", folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    check(!output.status.success(), "the child wrote as if there were no limit")?;
    check(said.contains("unavailable error: cannot write here (path: ") && said.contains(".tmp)"), &said)?;
    check(visible(folder.path()).is_empty(), "half a file is seen")?;
    check(run("THYME_CHILD_APPENDS", folder.path(), &[]).success(), "the second life")?;
    check(ids(folder.path()) == (0..ROWS).collect::<Vec<_>>(), "not each row once")
}
