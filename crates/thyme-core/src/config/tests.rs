use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{Secret, Size};

/// A table somewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its name.
    table: String,
    /// Where it is.
    #[serde(default = "localhost")]
    #[schemars(extend("x-connection" = true))]
    host: String,
    #[serde(default)]
    #[schemars(extend("x-connection" = true))]
    port: Option<u16>,
    #[serde(default)]
    #[schemars(extend("x-connection" = true))]
    password: Option<Secret>,
    #[schemars(extend("x-connection" = true, "x-aliases" = ["bootstrap_servers"]))]
    brokers: Vec<String>,
    #[serde(default)]
    #[schemars(extend("x-aliases" = ["strategy"], "x-value-aliases" = {"create_new": "append", "true": "overwrite"}))]
    mode: Mode,
    #[serde(default)]
    #[schemars(extend("format" = "duration"))]
    lookback: Option<String>,
    #[serde(default)]
    roll: Option<Size>,
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    file: Option<String>,
    #[serde(default)]
    auth: Option<Auth>,
    #[serde(default)]
    properties: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    topic: Option<Topic>,
}

#[derive(Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Adds.
    #[default]
    Append,
    /// Replaces.
    Overwrite,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Auth {
    Bearer { token: String },
    Basic { user: String },
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Topic {
    One(String),
    Many(Vec<String>),
}

fn localhost() -> String {
    "localhost".into()
}

fn env(name: &str) -> Result<Option<String>> {
    Ok(match name {
        "THYME_SHOP_BROKERS" => Some("a:1, b:2".into()),
        "THYME_SHOP_PORT" => Some("many".into()),
        "THYME_OTHER_PORT" => Some("5433".into()),
        "PG_PASSWORD" => Some("hunter2".into()),
        _ => None,
    })
}

fn context() -> Context<'static> {
    Context { place: "pipeline.orders.source", folder: Some(Path::new("/data")), connection: None, env: &env }
}

fn read(connector: &str, value: Value, context: &Context<'_>) -> Result<Table, Vec<Problem>> {
    let checked = check(&schema_for!(Table), Some(connector), value, context)?;
    Ok(serde_json::from_value(checked).unwrap())
}

fn problems(value: Value) -> Vec<String> {
    read("shop", value, &context()).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn fills_connection_fields_from_the_connection_then_the_environment_then_the_default() {
    let shop = json!({"host": "db.internal", "password": {"env": "PG_PASSWORD"}, "unrelated": 1});
    let context = Context { connection: Some(("connections.shop", shop.as_object().unwrap())), ..context() };
    let table = read("other", json!({"table": "orders", "brokers": "x"}), &context).unwrap_err();
    assert_eq!(table[0].to_string(), "pipeline.orders.source.brokers: expected a list, found text");

    let table = read("other", json!({"table": "orders", "bootstrap_servers": ["x"], "host": "mine"}), &context).unwrap();
    assert_eq!((table.host.as_str(), table.port), ("mine", Some(5433)));
    assert_eq!(table.password.unwrap().reveal().unwrap().expose(), "hunter2");
    let table = read("other", json!({"table": "orders", "brokers": ["x"]}), &context).unwrap();
    assert_eq!(table.host, "db.internal");

    let table = read("nowhere", json!({"table": "orders", "brokers": []}), &Context { connection: None, ..context }).unwrap();
    assert_eq!((table.host.as_str(), table.port), ("localhost", None));
    let missing = read("nowhere", json!({"table": "orders"}), &Context { connection: None, ..context }).unwrap_err();
    assert_eq!(
        missing[0].to_string(),
        "pipeline.orders.source.brokers: `brokers` is missing; give it here or in a connection, or set THYME_NOWHERE_BROKERS"
    );
}

#[test]
fn reads_every_form_of_a_value() {
    let value = json!({
        "table": {"env": "NO_SUCH", "default": "orders"}, "port": 1, "strategy": "create_new", "lookback": "1h", "roll": "64MiB",
        "file": "in/a.csv", "auth": {"type": "bearer", "token": {"env": "PG_PASSWORD"}}, "properties": {"x": {"env": "PG_PASSWORD"}},
        "topic": ["a", "b"]
    });
    let table = read("shop", value, &context()).unwrap();
    assert_eq!((table.table.as_str(), table.mode, table.roll), ("orders", Mode::Append, Some(Size(64 << 20))));
    assert_eq!(table.brokers, ["a:1", "b:2"]);
    assert_eq!(table.lookback.as_deref(), Some("1h"));
    assert_eq!(table.file.as_deref(), Some("/data/in/a.csv"));
    assert_eq!(table.auth, Some(Auth::Bearer { token: "hunter2".into() }));
    assert_eq!(table.properties["x"], "hunter2");
    assert_eq!(table.topic, Some(Topic::Many(vec!["a".into(), "b".into()])));
    let table = read("shop", json!({"table": "t", "port": 1, "mode": true, "topic": "a", "roll": 7}), &context()).unwrap();
    assert_eq!((table.mode, table.topic, table.roll), (Mode::Overwrite, Some(Topic::One("a".into())), Some(Size(7))));
}

#[test]
fn names_every_mistake_with_its_place() {
    let found = problems(json!({
        "tabel": "orders", "port": 70000, "mode": "appendd", "strategy": "append", "lookback": "soon", "roll": "big",
        "auth": {"type": "baerer"}, "host": 5, "password": {"env": "NO_SUCH"}, "properties": {"x": 1}, "file": {"file": "x"}
    }));
    assert_eq!(
        found,
        [
            "pipeline.orders.source.auth.type: unknown `type` \"baerer\"; did you mean `bearer`?",
            "pipeline.orders.source.file: only a secret is read from a file; write the value, or { env = \"NAME\" }",
            "pipeline.orders.source.host: expected text, found an integer",
            "pipeline.orders.source.lookback: `soon` is not a duration: expected an integer and a unit out of ms, s, m, h, d, such as `5s`",
            "pipeline.orders.source.mode: unknown value \"appendd\"; did you mean `append`?",
            "pipeline.orders.source.password: the environment variable NO_SUCH is not set; set NO_SUCH, or give a default: { env = \"NO_SUCH\", default = \"…\" }",
            "pipeline.orders.source.port: 70000 is out of range: from 0 to 65535",
            "pipeline.orders.source.properties.x: expected text, found an integer",
            "pipeline.orders.source.roll: `big` is not a size: expected an integer and a unit out of B, kB, MB, GB, KiB, MiB, GiB, such as `256MiB`",
            "pipeline.orders.source.strategy: `strategy` and `mode` are the same field; keep `mode`",
            "pipeline.orders.source.tabel: unknown field `tabel`; did you mean `table`?",
            "pipeline.orders.source.table: `table` is missing",
        ]
    );
    assert_eq!(
        problems(json!({"table": "", "port": null, "auth": {"type": "basic", "usr": 1}, "mode": "avro"})),
        [
            "pipeline.orders.source.auth.user: `user` is missing",
            "pipeline.orders.source.auth.usr: unknown field `usr`; did you mean `user`?",
            "pipeline.orders.source.mode: `avro` is not part of this release; one of append, overwrite",
            "pipeline.orders.source.table: must not be empty",
        ]
    );
    let env = problems(json!({"table": "t"}));
    assert_eq!(env, ["pipeline.orders.source.port (from THYME_SHOP_PORT): expected an integer, found text"]);
    assert_eq!(problems(json!(7)), ["pipeline.orders.source: expected a table, found an integer"]);
}

#[test]
fn a_connection_has_connection_fields_alone() {
    let fields = json!({"hots": "x", "table": "orders", "port": "x", "host": "h"});
    let context = Context { place: "connections.shop", ..context() };
    let found = check_connection(&[schema_for!(Table)], fields.as_object().unwrap(), &context);
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "connections.shop.hots: unknown field `hots` of a connection; did you mean `host`?",
            "connections.shop.port: expected an integer, found text",
            "connections.shop.table: `table` says what to read or write, not where; move it into the pipeline's source or sink",
        ]
    );
}

#[test]
fn fields_are_told_in_words() {
    let told: Vec<_> = fields(&schema_for!(Table), "shop").into_iter().map(|f| (f.name, f.kind, f.required, f.env)).collect();
    let line = |name: &str| told.iter().find(|(own, ..)| own == name).cloned().unwrap();
    assert_eq!(line("table"), ("table".into(), "text".into(), true, None));
    assert_eq!(line("mode"), ("mode".into(), "append | overwrite".into(), false, None));
    assert_eq!(line("brokers"), ("brokers".into(), "list of text".into(), true, Some("THYME_SHOP_BROKERS".into())));
    assert_eq!(line("lookback").1, "duration");
    assert_eq!(line("roll").1, "size");
    assert_eq!(line("file").1, "path");
    assert_eq!(line("topic").1, "text or list of text");
}

#[test]
fn a_secret_is_read_from_its_file_and_never_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pw"), "hunter2\n").unwrap();
    let context = Context { folder: Some(folder.path()), ..context() };
    let table = read("other", json!({"table": "t", "brokers": ["x"], "password": {"file": "pw"}}), &context).unwrap();
    assert_eq!(table.password.as_ref().unwrap().reveal().unwrap().expose(), "hunter2");
    assert!(!format!("{table:?}").contains("hunter2"));
    let missing = read("other", json!({"table": "t", "brokers": ["x"], "password": {"file": "none"}}), &context).unwrap_err();
    assert!(missing[0].message.contains("cannot be read"), "{missing:?}");
}
