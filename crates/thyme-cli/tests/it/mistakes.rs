//! What is wrong is named, with exit code 2.
use crate::thyme::{Folder, pipeline, rows};

#[test]
fn validate_names_every_mistake_at_once() {
    let folder = Folder::new();
    folder.write(
        "a.toml",
        r#"
[[pipeline]]
name = "a"
evry = "5s"
max_lateness = "soon"
  [pipeline.source]
  type = "file"
  pth = "in"
  poll_interval_ms = "often"
  [pipeline.sink]
  type = "file"
  path = { env = "THYME_TEST_NO_SUCH_VARIABLE" }

[[pipeline]]
name = "b"
schedule = "61 * * * *"
  [pipeline.source]
  type = "file"
  path = ""
  [pipeline.sink]
  type = "file"
  path = "out"

[[pipeline]]
name = "b"
schedule = "@once"
  [pipeline.source]
  type = "kinesis"
  [pipeline.sink]
  type = "file"
  path = "out"
  format = "protobuf"
"#,
    );
    let ran = folder.thyme(&["validate", "a.toml"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:#?}");
    let expected = [
        "a.toml:4: pipeline.a.evry: unknown field `evry`; did you mean `every`?",
        "a.toml:5: pipeline.a.max_lateness: `soon` is not a duration",
        "a.toml:6: pipeline.a.source.path: `path` is missing",
        "a.toml:8: pipeline.a.source.pth: unknown field `pth`; did you mean `path`?",
        "a.toml:9: pipeline.a.source.poll_interval_ms: expected an integer, found text",
        "a.toml:12: pipeline.a.sink.path: the environment variable THYME_TEST_NO_SUCH_VARIABLE is not set",
        "a.toml:16: pipeline.b.schedule: `61 * * * *` is not a schedule",
        "a.toml:19: pipeline.b.source.path: must not be empty",
        "a.toml:25: pipeline.b.name: this file has another pipeline of this name",
        "a.toml:28: pipeline.b.source.type: the connector `kinesis` is not part of this release",
        "a.toml:32: pipeline.b.sink.format: `protobuf` is not part of this release",
    ];
    for line in expected {
        assert!(ran.err.lines().any(|found| found.starts_with(line)), "{line}\n{}", ran.err);
    }
    assert!(ran.err.contains("11 mistakes"), "{}", ran.err);
    assert_eq!(folder.thyme(&["run", "a.toml"]).code, 2);
}

#[test]
fn a_good_file_is_told_in_one_line_a_pipeline() {
    let folder = Folder::new();
    folder.write("a.toml", &pipeline("orders", "enabled = false"));
    let ran = folder.thyme(&["validate", "a.toml"]).ok();
    assert!(ran.out.starts_with("orders: file:"), "{}", ran.out);
    assert!(ran.out.ends_with(" (not enabled)\n"), "{}", ran.out);
}

#[test]
fn usage_is_an_error_of_its_own() {
    let folder = Folder::new();
    for args in
        [&["rnu", "a.toml"][..], &["run"], &["run", "none.toml"], &["run", "a.toml", "--memory", "lots"], &["schema", "fil"]]
    {
        let ran = folder.thyme(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?} {ran:#?}");
        assert!(!ran.err.is_empty());
    }
    assert!(folder.thyme(&["schema", "fil"]).err.contains("did you mean `file`?"));
}

#[test]
fn check_says_what_does_not_fit() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 3));
    folder.write("a.toml", &pipeline("orders", ""));
    let ran = folder.thyme(&["check", "a.toml"]).ok();
    assert!(ran.out.contains("orders: source: ok: file:") && ran.out.contains("orders: sink: ok: file:"), "{}", ran.out);

    folder.write("a.toml", &pipeline("orders", "").replace("name = \"string\"", "nmae = \"string\""));
    let ran = folder.thyme(&["check", "a.toml"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.out.contains("orders: columns: the source has no `nmae`; did you mean `name`?"), "{}", ran.out);

    folder.write("a.toml", &pipeline("orders", "").replace("name = \"string\"", "name = \"int64\""));
    let ran = folder.thyme(&["check", "a.toml"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.out.contains("orders: columns: 3 of the first 3 records do not fit"), "{}", ran.out);

    folder.write("a.toml", &pipeline("orders", "").replace("in/*.jsonl", "none/a.jsonl"));
    let ran = folder.thyme(&["check", "a.toml"]);
    assert_eq!((ran.code, ran.out.contains("help: ")), (1, true), "{ran:#?}");
}

#[test]
fn a_pipeline_that_would_read_what_it_writes_is_refused() {
    let folder = Folder::new();
    folder.write("in/a.jsonl", &rows(0, 3));
    let with = |from: &str, keys: &str, to: &str| {
        let text =
            pipeline("orders", "").replace("in/*.jsonl", from).replace("path = \"out\"", &format!("{keys}path = \"{to}\""));
        folder.write("a.toml", &text);
    };
    for (from, keys, to) in [
        ("in", "", "in/out"),
        ("in/**", "", "in/out"),
        ("in/**", "", "./in/../in/out"),
        ("in/*/*.jsonl", "partition_by = [\"name\"]\n  ", "in"),
        ("in/*.jsonl", "", "in"),
        ("in/orders-*", "", "in"),
        ("in/**", "mode = \"overwrite\"\n  ", "in/out"),
    ] {
        with(from, keys, to);
        for command in ["validate", "run"] {
            let ran = folder.thyme(&[command, "a.toml"]);
            assert_eq!(ran.code, 2, "{from} {to} {ran:#?}");
            let expected = "a.toml:11: pipeline.orders.sink: the source would read again what is written, as `file:///";
            assert!(ran.err.contains(expected) && ran.err.contains("`; write to a folder that"), "{from} {to} {}", ran.err);
        }
        assert!(!folder.path("in/out").exists() && folder.lines("in").len() == 3, "{from} {to}");
    }
    for (from, keys, to) in [
        ("in/*.jsonl", "", "in/out"),
        ("in/**/*.jsonl", "compression = \"gzip\"\n  ", "in"),
        ("in/a*.jsonl", "", "in"),
        ("in", "", "in2"),
        ("in", "", "in/_out"),
    ] {
        with(from, keys, to);
        folder.thyme(&["validate", "a.toml"]).ok();
    }
    assert_eq!(folder.thyme(&["copy", "in", "in/out"]).code, 2);
}
