//! `thyme run` and `thyme cursor`.
use crate::thyme::{Folder, pipeline, rows};

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn moves_every_row_once_then_none_then_only_the_new() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 1000));
    folder.write("a.toml", &pipeline("orders", ""));
    let ran = folder.thyme(&["run", "a.toml", "--once"]).ok();
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("orders: 1000 rows read, 1000 written"), "{}", ran.err);
    assert_eq!(folder.lines("out"), sorted(&rows(0, 1000)));

    let ran = folder.thyme(&["run", "a.toml", "--once"]).ok();
    assert!(ran.err.contains("orders: nothing new"), "{}", ran.err);
    assert_eq!(folder.lines("out").len(), 1000);

    folder.append("in/a.jsonl", &rows(1000, 1010));
    let ran = folder.thyme(&["run", "a.toml", "--once", "--log-format", "json"]).ok();
    assert!(ran.err.contains("orders: 10 rows read, 10 written"), "{}", ran.err);
    let parsed = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(ran.err.lines().all(parsed), "{}", ran.err);
    assert_eq!(folder.lines("out"), sorted(&rows(0, 1010)));
}

#[test]
fn paths_are_those_of_the_pipeline_file() {
    let folder = Folder::new();
    folder.write("deep/in/a.jsonl", &rows(0, 3));
    folder.write("deep/a.toml", &pipeline("orders", ""));
    folder.thyme(&["run", "deep/a.toml", "--once"]).ok();
    assert_eq!(folder.lines("deep/out").len(), 3);
    assert!(folder.path(".thyme/orders").is_dir());
}

#[test]
fn a_failing_pipeline_fails_alone() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 10));
    let bad = pipeline("bad", "").replace("in/*.jsonl", "bad.jsonl").replace("\"out\"", "\"bad-out\"");
    folder.write("bad.jsonl", "{\"id\": 1, \"name\"\n");
    folder.write("a.toml", &(bad + &pipeline("good", "")));
    let ran = folder.thyme(&["run", "a.toml", "--once"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.err.contains("error: bad: "), "{}", ran.err);
    assert!(ran.err.contains("  help: "), "{}", ran.err);
    assert!(ran.err.contains("good: 10 rows read, 10 written"), "{}", ran.err);
    assert_eq!(folder.lines("out").len(), 10);
}

#[test]
fn runs_what_is_enabled_or_named() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 2));
    let other = pipeline("other", "enabled = false").replace("\"out\"", "\"other\"");
    folder.write("a.toml", &(pipeline("one", "") + &other));
    folder.thyme(&["run", "a.toml", "--once"]).ok();
    assert_eq!((folder.lines("out").len(), folder.lines("other").len()), (2, 0));
    folder.thyme(&["run", "a.toml", "--once", "--pipeline", "other"]).ok();
    assert_eq!(folder.lines("other").len(), 2);
    let ran = folder.thyme(&["run", "a.toml", "--once", "--pipeline", "othr"]);
    assert_eq!((ran.code, ran.err.contains("did you mean `other`?")), (2, true), "{ran:#?}");
}

#[test]
fn a_cursor_is_shown_reset_and_set() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 5));
    folder.write("a.toml", &pipeline("orders", ""));
    assert_eq!(folder.thyme(&["cursor", "list", "a.toml"]).ok().out.lines().count(), 1);
    folder.thyme(&["run", "a.toml", "--once"]).ok();
    let list = folder.thyme(&["cursor", "list", "a.toml"]).ok().out;
    assert!(list.lines().nth(1).unwrap().starts_with("orders    0     "), "{list}");
    let shown = folder.thyme(&["cursor", "show", "a.toml", "--pipeline", "orders"]).ok().out;
    let cursor: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(cursor["pipeline"], "orders");
    assert!(cursor["cursor"]["seq"].as_u64().unwrap() > 0, "{shown}");

    folder.thyme(&["cursor", "reset", "a.toml"]).ok();
    let ran = folder.thyme(&["run", "a.toml", "--once"]).ok();
    assert!(ran.err.contains("orders: 5 rows read, 5 written"), "{}", ran.err);
    assert_eq!(folder.lines("out").len(), 10);

    folder.thyme(&["cursor", "reset", "a.toml"]).ok();
    folder.thyme(&["cursor", "set", "a.toml", "--pipeline", "orders", "--json", shown.trim()]).ok();
    let ran = folder.thyme(&["run", "a.toml", "--once"]).ok();
    assert!(ran.err.contains("orders: nothing new"), "{}", ran.err);
    let ran = folder.thyme(&["cursor", "set", "a.toml", "--pipeline", "orders", "--json", "{"]);
    assert_eq!(ran.code, 2, "{ran:#?}");
}
