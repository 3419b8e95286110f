//! The rules of envelopes, one by one.
use serde_json::{Value, json};
use thyme_core::arrow::array::Array;
use thyme_core::arrow::datatypes::TimeUnit;
use thyme_core::{Dataset, Op, field_type};
use thyme_formats::debezium::{Changes, DecimalText, Decoder, Message, Options};
use thyme_formats::scan::{Pushed, Unknown};

use super::debezium_samples::{dataset, ops, shown};

fn table() -> Dataset {
    dataset(&[("id", "int64"), ("name", "string"), ("raw", "bytes"), ("tags", "list<string>"), ("ints", "list<int32>")], &["id"])
}

fn json_decoder() -> Decoder {
    Decoder::json(&table(), Options::default()).unwrap()
}

fn push(decoder: &mut Decoder, key: Option<Value>, value: Option<Value>) -> Pushed {
    let [key, value] = [key, value].map(|part| part.map(|part| part.to_string().into_bytes()));
    decoder.push(Message { key: key.as_deref(), value: value.as_deref(), op: None })
}

fn bad(reason: &str) -> Pushed {
    Pushed::Bad(reason.to_owned())
}

fn named(id: i64, name: &str) -> Value {
    json!({"id": id, "name": name, "raw": null, "tags": null, "ints": null})
}

fn unset(changes: &Changes) -> Vec<(usize, Vec<usize>)> {
    changes.unset.iter().map(|(column, rows)| (*column, rows.set_indices().collect())).collect()
}

#[test]
fn an_operation_is_never_dropped() {
    let mut decoder = json_decoder();
    let row = json!({"id": 1, "name": "a"});
    assert_eq!(push(&mut decoder, None, Some(json!({"before": null, "after": row, "op": "x"}))), bad("an unknown operation `x`"));
    assert_eq!(
        push(&mut decoder, None, Some(json!({"before": null, "after": row, "op": "create"}))),
        bad("an unknown operation `create`")
    );
    for op in ["c", "r", "u"] {
        let reason = format!("an envelope of operation `{op}` without the row after it");
        assert_eq!(push(&mut decoder, None, Some(json!({"before": row, "after": null, "op": op}))), bad(&reason));
        assert_eq!(push(&mut decoder, None, Some(json!({"op": op, "after": row}))), Pushed::Row);
    }
    assert_eq!(push(&mut decoder, None, Some(json!({"op": "d", "before": row, "after": null}))), Pushed::Row);
    assert_eq!(push(&mut decoder, None, Some(json!({"op": "t", "before": null, "after": null}))), Pushed::Row);
    assert_eq!(
        push(&mut decoder, None, Some(json!({"op": "m", "message": {"prefix": "p", "content": ""}}))),
        Pushed::Skipped("message")
    );
    let changes = decoder.finish().unwrap();
    assert_eq!(ops(&changes), ["insert", "insert", "update", "delete", "truncate"]);
}

#[test]
fn a_deleted_row_has_its_key() {
    let mut decoder = json_decoder();
    let delete = |before: Value| Some(json!({"before": before, "after": null, "op": "d"}));
    assert_eq!(push(&mut decoder, Some(json!({"id": 1})), delete(Value::Null)), Pushed::Row);
    assert_eq!(push(&mut decoder, Some(json!({"id": 2})), delete(json!({"name": "x"}))), Pushed::Row);
    assert_eq!(push(&mut decoder, Some(json!({"id": 9})), delete(json!({"id": 3}))), Pushed::Row);
    let without = "a deleted row without its key (field `id`)";
    assert_eq!(push(&mut decoder, None, delete(Value::Null)), bad(without));
    assert_eq!(push(&mut decoder, Some(json!({"other": 1})), delete(Value::Null)), bad(without));
    assert_eq!(push(&mut decoder, Some(json!({"id": null})), delete(Value::Null)), bad(without));
    assert!(
        matches!(push(&mut decoder, Some(json!({"id": "x"})), delete(Value::Null)), Pushed::Bad(reason) if reason.starts_with("the key: "))
    );
    let wrapped = json!({"schema": {"type": "struct", "fields": [{"type": "int32", "optional": false, "field": "id"}]}, "payload": {"id": 4}});
    assert_eq!(push(&mut decoder, Some(wrapped), delete(Value::Null)), Pushed::Row);
    let changes = decoder.finish().unwrap();
    assert_eq!(ops(&changes), ["delete"; 4]);
    let ids: Vec<_> = shown(&changes.rows).iter().map(|row| (row["id"].clone(), row["name"].clone())).collect();
    assert_eq!(ids, [(json!(1), Value::Null), (json!(2), json!("x")), (json!(3), Value::Null), (json!(4), Value::Null)]);
}

#[test]
fn a_table_without_a_key_says_what_was_deleted() {
    let table = dataset(&[("a", "int32")], &[]);
    let mut decoder = Decoder::json(&table, Options::default()).unwrap();
    assert_eq!(push(&mut decoder, None, Some(json!({"before": {"a": 1}, "after": null, "op": "d"}))), Pushed::Row);
    assert!(matches!(push(&mut decoder, None, Some(json!({"before": null, "after": null, "op": "d"}))), Pushed::Bad(_)));
    assert_eq!(push(&mut decoder, Some(json!({"a": 1})), None), Pushed::Skipped("tombstone"));
}

#[test]
fn tombstones() {
    let mut decoder = json_decoder();
    let key = || Some(json!({"id": 1}));
    let delete = || Some(json!({"before": {"id": 1}, "after": null, "op": "d"}));
    assert_eq!(push(&mut decoder, key(), delete()), Pushed::Row);
    assert_eq!(push(&mut decoder, key(), None), Pushed::Skipped("tombstone"));
    // Compaction may leave the tombstone alone.
    assert_eq!(push(&mut decoder, key(), None), Pushed::Row);
    assert_eq!(push(&mut decoder, key(), delete()), Pushed::Row);
    assert_eq!(push(&mut decoder, Some(json!({"id": 2})), None), Pushed::Row);
    assert_eq!(push(&mut decoder, None, None), Pushed::Skipped("tombstone"));
    assert_eq!(push(&mut decoder, Some(json!({"id": 3})), Some(Value::Null)), Pushed::Row);
    assert_eq!(push(&mut decoder, Some(json!({"id": 4})), Some(json!({"schema": null, "payload": null}))), Pushed::Row);
    let changes = decoder.finish().unwrap();
    assert_eq!(ops(&changes), ["delete"; 6]);
    let ids: Vec<_> = shown(&changes.rows).iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [1, 1, 1, 2, 3, 4]);
}

#[test]
fn the_placeholder_in_every_form() {
    const PLACEHOLDER: &str = "__debezium_unavailable_value";
    let mut decoder = json_decoder();
    let numbers: Vec<u8> = PLACEHOLDER.bytes().collect();
    let base64 = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
    let rows = [
        json!({"id": 1, "name": PLACEHOLDER, "raw": base64, "tags": [PLACEHOLDER], "ints": numbers}),
        json!({"id": 2, "name": "x", "raw": "AA==", "tags": [PLACEHOLDER, "b"], "ints": [95]}),
        json!({"id": 3, "name": PLACEHOLDER, "raw": null, "tags": [], "ints": [95, 95, 1]}),
    ];
    for row in &rows {
        assert_eq!(push(&mut decoder, None, Some(json!({"before": row, "after": row, "op": "u"}))), Pushed::Row);
    }
    let changes = decoder.finish().unwrap();
    assert_eq!(unset(&changes), [(1, vec![0, 2]), (2, vec![0]), (3, vec![0]), (4, vec![0])]);
    let shown = shown(&changes.rows);
    assert_eq!(shown[0], json!({"id": 1, "name": null, "raw": null, "tags": null, "ints": null}));
    assert_eq!(shown[1], rows[1]);
    // A bad row takes its unset cells with it, and so does a batch.
    let row = json!({"name": PLACEHOLDER, "id": "x"});
    assert!(matches!(push(&mut decoder, None, Some(json!({"before": null, "after": row, "op": "u"}))), Pushed::Bad(_)));
    assert_eq!(push(&mut decoder, None, Some(json!({"before": null, "after": {"id": 4}, "op": "u"}))), Pushed::Row);
    assert_eq!(unset(&decoder.finish().unwrap()), []);
    let options = Options { unavailable: b"?".to_vec(), ..Options::default() };
    let mut decoder = Decoder::json(&table(), options).unwrap();
    let row = json!({"id": 1, "name": "?", "tags": [PLACEHOLDER]});
    assert_eq!(push(&mut decoder, None, Some(json!({"before": null, "after": row, "op": "u"}))), Pushed::Row);
    assert_eq!(unset(&decoder.finish().unwrap()), [(1, vec![0])]);
}

#[test]
fn heartbeats_and_other_records_are_told_apart_from_rows() {
    let mut decoder = json_decoder();
    assert_eq!(push(&mut decoder, Some(json!({"serverName": "s"})), Some(json!({"ts_ms": 1}))), Pushed::Skipped("heartbeat"));
    let schema = json!({"type": "struct", "fields": [{"type": "int64", "optional": false, "field": "ts_ms"}],
        "optional": false, "name": "io.debezium.connector.common.Heartbeat", "version": 1});
    assert_eq!(push(&mut decoder, None, Some(json!({"schema": schema, "payload": {"ts_ms": 1}}))), Pushed::Skipped("heartbeat"));
    let neither = "neither an envelope nor a row of the dataset";
    for other in [json!({}), json!({"x": 1}), json!({"op": "c"}), json!({"__op": "c"})] {
        assert_eq!(push(&mut decoder, None, Some(other)), bad(neither));
    }
    for broken in [
        "",
        "[1]",
        "7",
        "{",
        "{\"before\":null,\"after\":{\"id\":1}",
        "{\"id\":1}x",
        "\u{0}",
        "{\"op\":\"c\",\"after\":{\"id\":1}} {}",
    ] {
        let pushed = decoder.push(Message { value: Some(broken.as_bytes()), ..Message::default() });
        assert!(matches!(pushed, Pushed::Bad(_)), "{broken}: {pushed:?}");
    }
    assert_eq!(
        decoder.push(Message { value: Some(b"{\"id\":1,\"name\":\"\xff\"}"), ..Message::default() }),
        bad("not valid utf-8")
    );
    assert_eq!(decoder.finish().unwrap().rows.num_rows(), 0);
}

#[test]
fn rows_without_an_envelope() {
    let mut decoder = json_decoder();
    let mut with_header = |value: Value, op: Option<&[u8]>| {
        let value = value.to_string();
        decoder.push(Message { value: Some(value.as_bytes()), op, ..Message::default() })
    };
    assert_eq!(with_header(json!({"id": 1, "name": "a", "__deleted": "false", "__op": "c"}), None), Pushed::Row);
    assert_eq!(with_header(json!({"id": 1, "name": "b"}), Some(b"u")), Pushed::Row);
    assert_eq!(with_header(json!({"id": 1, "name": "c"}), None), Pushed::Row);
    assert_eq!(with_header(json!({"id": 1, "name": null, "__deleted": "true"}), None), Pushed::Row);
    assert_eq!(with_header(json!({"id": 1, "name": null, "__deleted": true, "__op": "u"}), None), Pushed::Row);
    assert_eq!(with_header(json!({"id": 1}), Some(b"z")), bad("an unknown operation `z`"));
    let changes = decoder.finish().unwrap();
    assert_eq!(ops(&changes), ["insert", "update", "update", "delete", "delete"]);
    assert_eq!(shown(&changes.rows)[..3], [named(1, "a"), named(1, "b"), named(1, "c")]);
}

#[test]
fn members_in_any_order_and_twice() {
    let mut decoder = json_decoder();
    let row = |text: &str| text.as_bytes().to_vec();
    let fields = r#"[{"type":"int64","field":"id"},{"type":"string","field":"name"}]"#;
    let schema = format!(
        r#"{{"type":"struct","fields":[{{"type":"struct","fields":{fields},"field":"before"}},{{"type":"struct","fields":{fields},"field":"after"}},{{"type":"string","field":"op"}}],"name":"x.Envelope"}}"#
    );
    for value in [
        row(r#" { "op" : "c" , "ts_ms" : 1 , "after" : { "name" : "a" , "id" : 1 } , "before" : null } "#),
        row(r#"{"after":{"id":9,"name":"z"},"after":{"id":9,"id":1,"name":"a"},"op":"d","op":"c"}"#),
        row(&format!(r#"{{"payload":{{"after":{{"id":1,"name":"a"}},"op":"c"}},"schema":{schema}}}"#)),
        row(&format!(r#"{{"schema":{schema},"payload":{{"after":{{"\u0069d":1,"name":"\u0061"}},"op":"c"}}}}"#)),
        row(&format!(r#"{{"schema":{schema} , "payload":{{"after":{{"name":"a","id":1}},"op":"c"}} , "x":[] }}"#)),
    ] {
        assert_eq!(
            decoder.push(Message { value: Some(&value), ..Message::default() }),
            Pushed::Row,
            "{}",
            String::from_utf8_lossy(&value)
        );
    }
    let changes = decoder.finish().unwrap();
    assert_eq!(shown(&changes.rows), vec![named(1, "a"); 5]);
    assert_eq!(ops(&changes), ["insert"; 5]);
}

#[test]
fn types_go_by_their_name_alone() {
    let columns = [("v", "timestamp"), ("t", "time"), ("n", "timestamp_ns"), ("d", "date"), ("i", "interval"), ("w", "int64")];
    let mut decoder = Decoder::json(&dataset(&columns, &[]), Options::default()).unwrap();
    let mut push_typed = |fields: Value, row: Value| {
        let schema = json!({"type": "struct", "fields": fields});
        push(&mut decoder, None, Some(json!({"schema": schema, "payload": row})))
    };
    let field = |kind: &str, name: &str, field: &str| json!({"type": kind, "optional": true, "name": name, "field": field});
    let all = |stamp: &str, time: &str, nanos: &str, length: &str| {
        json!([
            field("int64", stamp, "v"),
            field("int64", time, "t"),
            field("int64", nanos, "n"),
            field("int32", "org.apache.kafka.connect.data.Date", "d"),
            field("int64", length, "i"),
            field("int64", "io.debezium.time.MicroTimestamp", "w")
        ])
    };
    let row = json!({"v": 1500, "t": 1500, "n": 1500, "d": 1, "i": 1500, "w": 1500});
    let millis = all(
        "io.debezium.time.Timestamp",
        "org.apache.kafka.connect.data.Time",
        "org.apache.kafka.connect.data.Timestamp",
        "io.debezium.time.MicroDuration",
    );
    let nanos = all(
        "io.debezium.time.NanoTimestamp",
        "io.debezium.time.NanoTime",
        "io.debezium.time.NanoTimestamp",
        "io.debezium.time.NanoDuration",
    );
    assert_eq!(push_typed(millis, row.clone()), Pushed::Row);
    assert_eq!(push_typed(nanos, row), Pushed::Row);
    let shown = shown(&decoder.finish().unwrap().rows);
    let first = json!({"v": "1970-01-01T00:00:01.500000Z", "t": "00:00:01.500000", "n": "1970-01-01T00:00:01.500000000Z", "d": "1970-01-02", "i": "PT0.001500000S", "w": 1500});
    let second = json!({"v": "1970-01-01T00:00:00.000001Z", "t": "00:00:00.000001", "n": "1970-01-01T00:00:00.000001500Z", "d": "1970-01-02", "i": "PT0.000001500S", "w": 1500});
    assert_eq!(shown, [first, second]);
}

#[test]
fn drift_is_told_by_the_schema() {
    let table = dataset(&[("id", "int64"), ("name", "string!")], &["id"]);
    let value = |fields: Value| {
        let row = json!({"type": "struct", "fields": fields, "optional": true, "field": "after"});
        let schema = json!({"type": "struct", "fields": [row, {"type": "string", "field": "op"}], "name": "x.Envelope"});
        Some(json!({"schema": schema, "payload": {"after": {"id": 1, "name": "a", "at": 5}, "op": "c"}}))
    };
    let (id, name) = (json!({"type": "int64", "field": "id"}), json!({"type": "string", "field": "name"}));
    let at = json!({"type": "int64", "name": "io.debezium.time.MicroTimestamp", "field": "at"});
    let mut decoder = Decoder::json(&table, Options { unknown: Unknown::Report, ..Options::default() }).unwrap();
    let Pushed::Drift(drift) = push(&mut decoder, None, value(json!([id, name, at]))) else { panic!("drift") };
    assert_eq!(
        drift.added.iter().map(|f| (f.name().as_str(), field_type::name(f))).collect::<Vec<_>>(),
        [("at", "timestamp_ntz".into())]
    );
    let text = json!({"type": "string", "field": "id"});
    let Pushed::Drift(drift) = push(&mut decoder, None, value(json!([text, name]))) else { panic!("drift") };
    assert_eq!(drift.changed, [("id".to_owned(), "int64".to_owned(), "string".to_owned())]);
    let Pushed::Drift(drift) = push(&mut decoder, None, value(json!([id]))) else { panic!("drift") };
    assert_eq!(drift.removed, ["name"]);
    assert_eq!(push(&mut decoder, None, value(json!([id, name]))), Pushed::Row);
    let bare = json!({"before": null, "after": {"id": 1, "name": "a", "more": 1.5, "__lsn": 1}, "op": "c"});
    let Pushed::Drift(drift) = push(&mut decoder, None, Some(bare.clone())) else { panic!("drift") };
    assert_eq!(drift.added.iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["more"]);
    assert_eq!(decoder.finish().unwrap().rows.num_rows(), 1);
    let mut decoder = Decoder::json(&table, Options::default()).unwrap();
    assert_eq!(push(&mut decoder, None, value(json!([id, name, at]))), Pushed::Row);
    assert_eq!(push(&mut decoder, None, Some(bare)), Pushed::Row);
}

#[test]
fn decimals_without_a_schema() {
    let table = dataset(&[("d", "decimal(10,2)"), ("v", "string"), ("at", "timestamp")], &[]);
    let table = table.with_timestamp_unit(TimeUnit::Microsecond);
    let with = |decimals, row: Value| {
        let mut decoder = Decoder::json(&table, Options { decimals, ..Options::default() }).unwrap();
        let pushed = push(&mut decoder, None, Some(json!({"before": null, "after": row, "op": "c"})));
        (pushed, shown(&decoder.finish().unwrap().rows).pop())
    };
    let row = |d: &str| Some(json!({"d": d, "v": null, "at": null}));
    assert_eq!(with(Some(DecimalText::Base64), json!({"d": "BNI="})).1, row("12.34"));
    assert_eq!(with(Some(DecimalText::Digits), json!({"d": "12.34"})).1, row("12.34"));
    assert_eq!(with(None, json!({"d": 12.34})).1, row("12.34"));
    assert_eq!(with(None, json!({"d": {"scale": 1, "value": "ew=="}})).1, row("12.30"));
    assert!(
        matches!(with(None, json!({"d": "1234"})).0, Pushed::Bad(reason) if reason.contains("`decimals`") && reason.contains("after.d"))
    );
    assert!(matches!(with(None, json!({"d": {"scale": 3, "value": "ew=="}})).0, Pushed::Bad(_)));
    assert_eq!(with(None, json!({"v": {"value": "ew==", "scale": -2}})).1.unwrap()["v"], "12300");
    assert_eq!(with(None, json!({"at": 1_000_001})).1.unwrap()["at"], "1970-01-01T00:00:01.000001Z");
}

#[test]
fn ops_are_one_value_when_all_agree() {
    let mut decoder = json_decoder();
    for id in 0..3 {
        assert_eq!(push(&mut decoder, None, Some(json!({"op": "c", "after": {"id": id}}))), Pushed::Row);
    }
    let changes = decoder.finish().unwrap();
    assert!(matches!(changes.ops, thyme_core::Ops::All(Op::Insert)));
    assert_eq!(changes.rows.column(0).null_count(), 0);
}
