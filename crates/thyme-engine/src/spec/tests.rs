use std::fs;

use tempfile::TempDir;
use thyme_core::Registry;

use super::*;

mod connectors;

fn registry() -> Registry {
    Registry::new(&[&connectors::LINES, &connectors::FLOW])
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The findings of one file, without its folder.
fn findings(name: &str, text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, name, text);
    let shown = |finding: &Finding| finding.to_string().replace(&format!("{}/", folder.path().display()), "");
    load(&[path], &registry()).map_or_else(|found| found.iter().map(shown).collect(), |_| Vec::new())
}

const TEN: &str = r#"
[connections.shop]
type = "lines"
password = { env = "THYME_TEST_NO_SUCH_VARIABLE" }

[[pipeline]]
name = "orders"
evry = "5s"
max_lateness = "soon"
  [pipeline.source]
  connection = "shop"
  pth = "in/*.jsonl"
  limit = "many"
  [pipeline.sink]
  type = "lines"
  path = ""

[[pipeline]]
name = "clicks"
cursor = "at"
  [pipeline.source]
  type = "flow"
  topic = "clicks"
  [pipeline.sink]
  type = "lines"
  path = "out/clicks"

[[pipeline]]
name = "orders"
schedule = "61 * * * *"
  [pipeline.source]
  type = "lines"
  path = "in/a"
  [pipeline.sink]
  type = "lines"
  path = "out/a"
"#;

#[test]
fn ten_mistakes_are_named_with_line_place_and_remedy() {
    let found = findings("ten.toml", TEN);
    let expected = [
        "ten.toml:4: connections.shop.password: the environment variable THYME_TEST_NO_SUCH_VARIABLE is not set; set THYME_TEST_NO_SUCH_VARIABLE, or give a default: { env = \"THYME_TEST_NO_SUCH_VARIABLE\", default = \"…\" }",
        "ten.toml:8: pipeline.orders.evry: unknown field `evry`; did you mean `every`?",
        "ten.toml:9: pipeline.orders.max_lateness: `soon` is not a duration: expected an integer and a unit out of ms, s, m, h, d, such as `5s`",
        "ten.toml:10: pipeline.orders.source.path: `path` is missing",
        "ten.toml:12: pipeline.orders.source.pth: unknown field `pth`; did you mean `path`?",
        "ten.toml:13: pipeline.orders.source.limit: expected an integer, found text",
        "ten.toml:16: pipeline.orders.sink.path: must not be empty",
        "ten.toml:20: pipeline.clicks.cursor: `cursor` is for sources that are polled; this one is a stream",
        "ten.toml:29: pipeline.orders.name: this file has another pipeline of this name; names are unique: state is kept under them",
        "ten.toml:30: pipeline.orders.schedule: `61 * * * *` is not a schedule",
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "\n{found}\n{expected}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

const GOOD: &str = r#"
[connections.shop]
type = "lines"
password = { env = "THYME_TEST_NO_SUCH_VARIABLE", default = "hunter2" }

[[pipeline]]
name = "orders"
change_tracking_column = "updated_at"
every = "5s"
max_lateness = "1h"
late = "dead_letter"
cdc = "upsert"
on_error = "dead_letter"
on_drift = "freeze"
on_cursor_lost = "earliest"
fromTimestamp = 2024-05-01T00:00:00Z
commit = { every = "1s", rows = 10, bytes = "64MiB" }
retry_policy = { max_attempts = 3 }
enabled = false
  [pipeline.dataset]
  key = ["id"]
  timestamp = "updated_at"
  timestamp_unit = "milliseconds"
  fields = { id = "int64", user_id = "string", amount = "decimal(12,2)", updated_at = "timestamp" }
  [pipeline.source]
  connection = "shop"
  path = "in/*.jsonl"
  [pipeline.sink]
  connection = "shop"
  path = "/out"
  strategy = "create_new"
"#;

#[test]
fn a_whole_pipeline_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(&[write(&folder, "a.toml", GOOD)], &registry()).unwrap();
    let [one] = loaded.as_slice() else { panic!("{loaded:?}") };
    assert!(!one.enabled);
    assert_eq!(one.pipeline.name(), "orders");
    let identity = format!("{} false None Some(7)", folder.path().join("in/*.jsonl").display());
    assert_eq!(one.pipeline.source().info().identity, identity);
    assert_eq!(one.pipeline.sink().info().identity, "/out true");
    let dataset = one.pipeline.dataset().unwrap();
    let names: Vec<_> = dataset.schema().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "user_id", "amount", "updated_at"]);
    assert_eq!((dataset.key(), dataset.timestamp()), (["id".to_owned()].as_slice(), Some("updated_at")));
    assert_eq!(dataset.timestamp_unit(), thyme_core::arrow::datatypes::TimeUnit::Millisecond);
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml = "pipeline:\n  - name: a\n    schedule: '@once'\n    source: { type: lines, path: in }\n    sink:\n      type: lines\n      path: out\n";
    assert_eq!(findings("a.yaml", yaml), Vec::<String>::new());
    let bad = yaml.replace("path: out", "paht: out");
    let expected = "pipeline.a.sink.paht: unknown field `paht`; did you mean `path`?";
    assert!(findings("a.yml", &bad).contains(&format!("a.yml:7: {expected}")));
    let json = r#"{"$schema": "x", "pipeline": [{"name": "a", "schedule": "@once", "source": {"type": "lines", "path": "in"}, "sink": {"type": "lines", "paht": "out"}}]}"#;
    assert!(findings("a.json", json).contains(&format!("a.json: {expected}")));
}

#[test]
fn syntax_is_an_error_with_its_line() {
    assert!(
        findings("a.toml", "\n\n[[pipeline\n")[0].starts_with("a.toml:3: file: "),
        "{:?}",
        findings("a.toml", "\n\n[[pipeline\n")
    );
    assert!(findings("a.json", "{\n\"pipeline\": [,]}")[0].starts_with("a.json:2: file: "));
    let twice = findings("a.yaml", "pipeline: []\npipeline: []\n");
    assert!(twice[0].starts_with("a.yaml:2: file: "), "{twice:?}");
    assert_eq!(findings("a.txt", ""), ["a.txt: file: a pipeline file ends in .toml, .yaml, .yml or .json"]);
    assert_eq!(
        findings("a.toml", "pipelines = []"),
        [
            "a.toml: file: there is no pipeline; start one by `[[pipeline]]`",
            "a.toml:1: pipelines: unknown key `pipelines`; did you mean `pipeline`?",
        ]
    );
}

/// One pipeline with `keys` above and `source` and `sink` as given.
fn one(keys: &str, source: &str, sink: &str) -> Vec<String> {
    let text = format!("[[pipeline]]\nname = \"a\"\n{keys}\n[pipeline.source]\n{source}\n[pipeline.sink]\n{sink}\n");
    findings("a.toml", &text).into_iter().map(|line| line.split_once(": ").map(|(_, rest)| rest.to_owned()).unwrap()).collect()
}

#[test]
fn rules_of_source_and_sink() {
    let (lines, out) = ("type = \"lines\"\npath = \"in\"", "type = \"lines\"\npath = \"out\"");
    assert_eq!(one("every = \"5s\"", lines, out), Vec::<String>::new());
    assert_eq!(one("", &format!("{lines}\nwatch = true"), out), Vec::<String>::new());
    let watched = one("every = \"5s\"", &format!("{lines}\nwatch = true"), out);
    assert_eq!(
        watched,
        ["pipeline.a.every: `watch = true` polls as soon as there is something new; leave out `every`, or `watch`"]
    );
    assert!(one("", lines, out)[0].starts_with("pipeline.a.every: this source is polled"));
    let same = one("schedule = \"@once\"", lines, lines);
    assert_eq!(
        same,
        ["pipeline.a.sink: source and sink are the same place: what is written would be read again; write somewhere else"]
    );
    let misplaced = one("", &format!("{lines}\nevery = \"5s\""), out);
    assert!(
        misplaced.contains(
            &"pipeline.a.source.every: `every` is a key of the pipeline, not of its source; move it above the `source` table"
                .to_owned()
        ),
        "{misplaced:?}"
    );
    let flow = "type = \"flow\"\ntopic = \"t\"";
    assert_eq!(one("", flow, out), Vec::<String>::new());
    assert!(one("", flow, &format!("{out}\nmode = \"overwrite\""))[0].contains("can't take a stream"));
    assert!(one("cdc = \"debezium\"", flow, out)[0].starts_with("pipeline.a.cdc: `debezium`"));
    assert!(one("every = \"5s\"", lines, flow)[0].contains("`flow` can only be read, not written"));
    assert!(one("every = \"5s\"", "type = \"kafka\"", out)[0].contains("the connector `kafka` is not part of this release"));
    assert!(one("every = \"5s\"", "type = \"line\"", out)[0].contains("did you mean `lines`?"));
    assert!(one("every = \"5s\"", "path = \"in\"", out)[0].contains("`type` is missing"));
    assert!(one("every = \"5s\"", "connection = \"shop\"", out)[0].contains("there is no connection `shop`"));
    assert!(one("every = \"5s\"\nfrom_timestamp = \"2024-13\"", lines, out)[0].contains("neither an instant nor a column"));
}

#[test]
fn rules_of_the_dataset() {
    let with = |dataset: &str| {
        let keys = format!("every = \"5s\"\n[pipeline.dataset]\n{dataset}");
        one(&keys, "type = \"lines\"\npath = \"in\"", "type = \"lines\"\npath = \"out\"")
    };
    assert_eq!(with("key = [\"id\"]"), Vec::<String>::new());
    assert_eq!(
        with("fields = { id = \"int46\", at = \"timestamp\" }"),
        ["pipeline.a.dataset.fields.id: unknown type `int46`: did you mean `int64`?"]
    );
    let key = with("key = [\"idd\"]\nfields = { id = \"int64\" }");
    assert_eq!(key, ["pipeline.a.dataset.key: the key field `idd` is not a column of the dataset; did you mean `id`?"]);
    let time = with("timestamp = \"id\"\nfields = { id = \"int64\" }");
    assert_eq!(time, ["pipeline.a.dataset.timestamp: the timestamp field `id` is a Int64, not a timestamp or date"]);
    assert!(with("timestamp_unit = \"milliseconds\"")[0].contains("declared fields"));
    assert!(with("timestamp_unit = \"milisecond\"")[0].contains("did you mean `milliseconds`?"));
    assert!(with("filds = { id = \"int64\" }")[0].contains("did you mean `fields`?"));
}

#[test]
fn names_are_unique_over_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let one = "[[pipeline]]\nname = \"a\"\nschedule = \"@once\"\nsource = { type = \"lines\", path = \"in\" }\nsink = { type = \"lines\", path = \"out\" }\n";
    let files = [write(&folder, "a.toml", one), write(&folder, "b.toml", one)];
    let found = load(&files, &registry()).unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(found[0].problem.message.contains("a.toml has another pipeline of this name"), "{found:?}");
    let spaced = one.replace("\"a\"", "\"a b\"");
    let found = load(&[write(&folder, "c.toml", &spaced)], &registry()).unwrap_err();
    assert_eq!(found[0].problem.place, "pipeline.a b.name");
}

#[test]
fn the_schema_of_a_file_names_every_key() {
    let schema = json_schema(&registry());
    let at = |path: &str| schema.pointer(path).unwrap_or_else(|| panic!("{path} in {schema:#}"));
    assert_eq!(at("/$defs/pipeline/properties/source/anyOf/0/$ref"), "#/$defs/lines.source");
    assert_eq!(at("/$defs/pipeline/properties/source/anyOf/1/$ref"), "#/$defs/flow.source");
    assert_eq!(at("/$defs/pipeline/properties/sink/anyOf").as_array().unwrap().len(), 1);
    assert_eq!(at("/$defs/lines.source/properties/type/const"), "lines");
    assert_eq!(at("/$defs/lines.source/properties/path/anyOf/1/$ref"), "#/$defs/reference");
    assert!(at("/$defs/lines.sink/properties").get("strategy").is_some());
    assert!(at("/$defs/pipeline/properties").get("change_tracking_column").is_some());
    assert_eq!(at("/properties/connections/additionalProperties/anyOf/0/properties/type/const"), "lines");
    let required = at("/$defs/pipeline/required").as_array().unwrap();
    assert_eq!(required.iter().filter_map(Value::as_str).collect::<Vec<_>>(), ["name", "source", "sink"]);
    // Every reference leads somewhere.
    let text = schema.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schema.pointer(reference).is_some(), "{reference}");
    }
}
