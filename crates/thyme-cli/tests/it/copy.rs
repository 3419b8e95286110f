//! `thyme copy`.
use crate::thyme::{Folder, rows};

#[test]
fn copies_what_is_there_and_then_what_is_new() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 3));
    let ran = folder.thyme(&["copy", "file:in/*.jsonl", "file:out?format=jsonl"]).ok();
    assert!(ran.err.contains("3 rows read, 3 written"), "{}", ran.err);
    assert_eq!(folder.lines("out").len(), 3);
    folder.write("in/b.jsonl", &rows(3, 5));
    let ran = folder.thyme(&["copy", "file:in/*.jsonl", "file:out?format=jsonl"]).ok();
    assert!(ran.err.contains("2 rows read, 2 written"), "{}", ran.err);
    assert_eq!(folder.lines("out").len(), 5);
}

#[test]
fn data_goes_to_stdout_and_nothing_else_does() {
    let folder = Folder::new();
    folder.write("a.jsonl", &rows(0, 3));
    let ran = folder.thyme(&["copy", "a.jsonl", "-", "--name", "show"]).ok();
    assert_eq!(ran.out, rows(0, 3));
    assert!(ran.err.contains("show: 3 rows read"), "{}", ran.err);
    assert!(folder.path(".thyme/show").is_dir());
}

#[test]
fn what_can_not_be_is_said() {
    let folder = Folder::new();
    folder.write("a.jsonl", &rows(0, 3));
    let said = [
        (&["copy", "kinesis://b/t", "-"][..], "the connector `kinesis` is not part of this release"),
        (&["copy", "a.jsonl?fromat=csv", "-"], "did you mean `format`?"),
        (&["copy", "-", "out"], "can only be written"),
        (&["copy", "a.jsonl", "-", "--cdc", "upsrt"], "did you mean `upsert`?"),
        (&["copy", "a.jsonl", "out", "--cdc", "debezium"], "debezium"),
    ];
    for (args, text) in said {
        let ran = folder.thyme(args);
        assert!(ran.code != 0 && ran.err.contains(text), "{args:?} {ran:#?}");
    }
}
