//! `kill -9` of the real program: files to files, each row once, nothing half written, nothing ever taken back.
use thyme_testkit::kill::{Report, Trial, binary};

/// Every point the program can be told to die at on its way from files to files, and how often it is passed there.
const POINTS: &[&str] = &[
    "engine.before_commit",
    "engine.after_commit",
    "engine.after_ack",
    "file.before_sync",
    "file.before_intent",
    "file.after_intent",
    "file.after_rename",
    "file.after_settle",
];

fn random(rows: i64, roll: i64, kills: usize, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(binary().unwrap(), folder.path(), rows, roll, false).unwrap();
    let report = trial.random(kills, seed).unwrap();
    println!("{report:?}");
    assert_eq!(report.kills, kills);
    assert_eq!(report.rows, report.runs * usize::try_from(rows).unwrap());
}

#[test]
fn random_kills_lose_and_repeat_nothing() {
    random(100_000, 10_000, 20, 1);
}

#[test]
#[ignore = "soak: 200 kills of runs of a million rows"]
fn soak_kill_random() {
    random(1_000_000, 100_000, 200, 2);
}

/// Dies at each point, the first time it is passed, the second, and so on.
fn points(rows: i64, roll: i64, times: usize, partitioned: bool) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(binary().unwrap(), folder.path(), rows, roll, partitioned).unwrap();
    let mut total = Report::default();
    for point in POINTS {
        let mut reached = 0;
        for nth in 1..=times {
            let Some(report) = trial.at_point(point, nth).unwrap() else { break };
            total.add(report);
            reached += 1;
        }
        println!("{point}: {reached} deaths");
        assert!(reached > 0, "the program never passes {point}");
    }
    total
}

#[test]
fn every_named_point_can_be_died_at() {
    let report = points(20_000, 5_000, 2, false);
    assert!(report.kills >= POINTS.len(), "{report:?}");
}

/// A commit of many files: the program dies between the intent and its last rename.
#[test]
fn a_commit_of_many_files_is_finished_by_the_next_run() {
    between_intent_and_last_rename(20_000, 10_000, 8);
}

#[test]
#[ignore = "soak: 60 deaths between an intent and its last rename"]
fn soak_kill_between_renames() {
    between_intent_and_last_rename(1_000_000, 100_000, 60);
}

fn between_intent_and_last_rename(rows: i64, roll: i64, deaths: usize) {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(binary().unwrap(), folder.path(), rows, roll, true).unwrap();
    // A commit has a file for each of sixteen cities: the renames 1 to 15 are between its intent and its last one.
    let mut total = trial.at_point("file.after_intent", 1).unwrap().expect("a run has a commit");
    for death in 1..deaths {
        let nth = death + (death - 1) / 15;
        total.add(trial.at_point("file.after_rename", nth).unwrap().expect("a commit has sixteen renames"));
    }
    assert_eq!(total.kills, deaths, "{total:?}");
}

#[test]
#[ignore = "soak: every named point ten times"]
fn soak_kill_points() {
    println!("{:?}", points(1_000_000, 100_000, 10, false));
}

/// Files that get their names before the intent stands are written a second time by whoever comes after.
#[test]
fn without_an_intent_rows_are_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial::new(binary().unwrap(), folder.path(), 20_000, 5_000, false).unwrap().broken("no_intent");
    let noticed = trial.at_point("file.after_rename", 1).unwrap_err();
    assert!(noticed.to_string().contains("repeated") || noticed.to_string().contains("visible"), "{noticed}");
}
