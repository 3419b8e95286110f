//! What Debezium 3.6 wrote of a PostgreSQL 15 database, against what was done there in SQL.
use serde_json::{Value, json};
use thyme_core::arrow::array::{Array, RecordBatch, cast::AsArray, types};
use thyme_core::arrow::datatypes::{Schema, TimeUnit};
use thyme_core::{Dataset, field_type};
use thyme_formats::compression::Compression;
use thyme_formats::debezium::{Changes, DecimalText, Decoder, Message, Options, discover_json};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions, NonFinite};
use thyme_formats::scan::Pushed;

const PLAIN: &[u8] = include_bytes!("../data/debezium_postgres_with_schema.jsonl.zst");
pub(crate) const TYPES: &[u8] = include_bytes!("../data/debezium_types_with_schema.jsonl.zst");
const UNWRAPPED: &[u8] = include_bytes!("../data/debezium_types_unwrapped_rewrite.jsonl.zst");

/// A record of a topic.
pub(crate) struct Record {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    op: Option<Vec<u8>>,
}

impl Record {
    pub(crate) fn message(&self) -> Message<'_> {
        Message { key: self.key.as_deref(), value: self.value.as_deref(), op: self.op.as_deref() }
    }
}

/// The records of the topics that end in `topic`, as the JSON converter writes them.
pub(crate) fn records(packed: &'static [u8], topic: &str) -> Vec<Record> {
    let lines = std::io::read_to_string(Compression::Zstd.reader(packed).unwrap()).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_topic = lines.filter(|line| line["topic"].as_str().unwrap().ends_with(topic));
    let bytes = |value: &Value| (!value.is_null()).then(|| serde_json::to_vec(value).unwrap());
    let op = |line: &Value| {
        let headers = line["headers"].as_array().into_iter().flatten();
        headers.filter(|h| h[0] == "__op").find_map(|h| Some(h[1].as_str()?.as_bytes().to_vec()))
    };
    of_topic.map(|line| Record { key: bytes(&line["key"]), value: bytes(&line["value"]), op: op(&line) }).collect()
}

pub(crate) fn dataset(columns: &[(&str, &str)], key: &[&str]) -> Dataset {
    let fields: Vec<_> = columns.iter().map(|(name, word)| field_type::parse(name, word).unwrap()).collect();
    Dataset::new("t", Schema::new(fields).into()).unwrap().with_key(key.iter().copied()).unwrap()
}

pub(crate) fn found(records: &[Record]) -> Dataset {
    let first = records.first().unwrap();
    let (schema, key) = discover_json(first.key.as_deref(), first.value.as_deref().unwrap()).unwrap().unwrap();
    Dataset::new("t", schema.into()).unwrap().with_key(key).unwrap()
}

pub(crate) fn words(dataset: &Dataset) -> Vec<(String, String)> {
    dataset.columns().fields().iter().map(|field| (field.name().clone(), field_type::name(field))).collect()
}

/// The rows as JSON.
pub(crate) fn shown(rows: &RecordBatch) -> Vec<Value> {
    let options = JsonWriteOptions { non_finite: NonFinite::String, ..JsonWriteOptions::default() };
    let mut out = Vec::new();
    let bad = JsonEncoder::new(&rows.schema(), options).unwrap().encode(rows, &mut out, None).unwrap();
    assert_eq!(bad, []);
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn ops(changes: &Changes) -> Vec<&'static str> {
    (0..changes.rows.num_rows()).map(|row| changes.ops.at(row).name()).collect()
}

/// Decodes everything; what was no row, in order.
pub(crate) fn decode(mut decoder: Decoder, records: &[Record]) -> (Changes, Vec<String>) {
    let mut others = Vec::new();
    for record in records {
        match decoder.push(record.message()) {
            Pushed::Row => {}
            Pushed::Skipped(what) => others.push(what.to_owned()),
            Pushed::Bad(reason) => others.push(format!("bad: {reason}")),
            other => panic!("{other:?}"),
        }
    }
    (decoder.finish().unwrap(), others)
}

/// Row 1 of the table of all types, as the SQL says.
pub(crate) fn full(id: i32, small: i32) -> Value {
    let row = r#"{"id": 0, "c_small": 0, "c_int": 2147483647, "c_big": 9223372036854775807, "c_num102": "12345678.90",
        "c_num380": "12345678901234567890123456789012345678", "c_num": "1234.5678901", "c_real": 1.5, "c_double": 0.1,
        "c_money": "12.34", "c_bool": true, "c_char": "ab   ", "c_varchar": "varchar",
        "c_text": "text with \"quotes\", \\ and é世😀\n", "c_citext": "CiText", "c_bytea": "AP8Q", "c_date": "2024-02-29",
        "c_time": "23:59:59.123456", "c_time3": "01:02:03.456000", "c_timetz": "08:11:12.500000",
        "c_ts": "2024-02-29T12:34:56.789012", "c_ts3": "2024-02-29T12:34:56.789000", "c_tstz": "2024-02-29T07:04:56.789012Z",
        "c_interval": "PT37091106.789000000S", "c_uuid": "6f1c2e34-0000-4000-8000-1234567890ab",
        "c_json": {"a": 1, "b": [1, 2.50, null]}, "c_jsonb": {"z": 1, "a": {"k": "v"}}, "c_xml": "<a>x</a>",
        "c_inet": "192.168.1.5/24", "c_cidr": "10.0.0.0/8", "c_macaddr": "08:00:2b:01:02:03", "c_bit1": true, "c_bit8": "sQ==",
        "c_varbit": "BQ==", "c_enum": "ok", "c_domain": 7, "c_ints": [1, 2, null], "c_texts": ["a", "b c", null],
        "c_nums": ["1.50", "2.25"], "c_range": "[1,10)", "c_tsrange": "[\"2024-01-01 00:00:00+00\",\"2024-02-01 00:00:00+00\")",
        "c_point": {"x": 1.5, "y": -2.0, "wkb": "AQEAAAAAAAAAAAD4PwAAAAAAAADA", "srid": null},
        "c_hstore": {"k": "v", "n": null}, "c_oid": 12345, "c_tsv": "'cat':3 'fat':2", "c_default": "set"}"#;
    let mut row: Value = serde_json::from_str(row).unwrap();
    (row["id"], row["c_small"]) = (json!(id), json!(small));
    row
}

pub(crate) fn only(all: &Value, id: i32, default: Option<&str>) -> Value {
    let mut row = all.clone();
    row.as_object_mut().unwrap().values_mut().for_each(|value| *value = Value::Null);
    (row["id"], row["c_default"]) = (json!(id), json!(default));
    row
}

#[test]
fn forty_six_types_by_their_schema() {
    let records = records(TYPES, ".all_types");
    let dataset = found(&records);
    assert_eq!(dataset.key(), ["id"]);
    let of = |name: &str| words(&dataset).into_iter().find(|(n, _)| n == name).unwrap().1;
    for (name, word) in [
        ("c_small", "int16"),
        ("c_num102", "decimal(10,2)"),
        ("c_num380", "decimal(38,0)"),
        ("c_num", "string"),
        ("c_real", "float32"),
        ("c_money", "decimal(38,2)"),
        ("c_date", "date"),
        ("c_time", "time"),
        ("c_time3", "time"),
        ("c_timetz", "time"),
        ("c_ts", "timestamp_ntz"),
        ("c_ts3", "timestamp_ntz"),
        ("c_tstz", "timestamp"),
        ("c_interval", "interval"),
        ("c_uuid", "uuid"),
        ("c_jsonb", "json"),
        ("c_bit8", "bytes"),
        ("c_ints", "list<int32>"),
        ("c_nums", "list<decimal(6,2)>"),
        ("c_point", "struct<x:float64,y:float64,wkb:bytes,srid:int32>"),
        ("c_oid", "int64"),
    ] {
        assert_eq!(of(name), word, "{name}");
    }
    let (changes, others) = decode(Decoder::json(&dataset, Options::default()).unwrap(), &records);
    // 24:00:00 is no time of a day: Arrow has no such value.
    assert_eq!(others, ["bad: a time that no day has: `86400000000` (field `after.c_time`)", "tombstone", "tombstone"]);
    assert_eq!(ops(&changes), ["insert", "insert", "insert", "update", "delete", "insert", "delete", "truncate"]);
    assert!(changes.unset.is_empty());
    let rows = shown(&changes.rows);
    assert_eq!(rows[0], full(1, -32768));
    assert_eq!(rows[1], only(&rows[0], 2, Some("dflt")));
    assert_eq!(rows[2], full(10, -1));
    let mut changed = full(10, -1);
    (changed["c_int"], changed["c_text"], changed["c_num102"]) = (json!(5), json!("changed"), Value::Null);
    assert_eq!(rows[3], changed);
    assert_eq!(rows[4], only(&rows[0], 10, Some("dflt")));
    changed["id"] = json!(11);
    assert_eq!(rows[5], changed);
    assert_eq!(rows[6], only(&rows[0], 11, Some("dflt")));
    assert!(rows[7].as_object().unwrap().values().all(Value::is_null));
}

#[test]
fn the_ends_of_every_range() {
    let records = records(TYPES, ".all_types");
    let mut columns = words(&found(&records));
    columns.iter_mut().filter(|(name, _)| name == "c_time").for_each(|(_, word)| *word = "int64".into());
    let columns: Vec<_> = columns.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
    let (changes, others) = decode(Decoder::json(&dataset(&columns, &["id"]), Options::default()).unwrap(), &records);
    assert_eq!(others, ["tombstone", "tombstone"]);
    let row = changes.rows.slice(2, 1);
    let column = |name: &str| row.column_by_name(name).unwrap().clone();
    assert_eq!(column("id").as_primitive::<types::Int32Type>().value(0), 3);
    assert!(column("c_real").as_primitive::<types::Float32Type>().value(0).is_nan());
    assert_eq!(column("c_double").as_primitive::<types::Float64Type>().value(0), f64::INFINITY);
    assert!(column("c_num").is_null(0), "Debezium writes NaN as null");
    assert_eq!(column("c_num102").as_primitive::<types::Decimal128Type>().value(0), -1);
    assert_eq!(column("c_ts").as_primitive::<types::TimestampMicrosecondType>().value(0), i64::MAX);
    assert_eq!(column("c_tstz").as_primitive::<types::TimestampMicrosecondType>().value(0), i64::MIN);
    assert_eq!(column("c_time").as_primitive::<types::Int64Type>().value(0), 86_400_000_000);
    // 0044-03-15 BC in the calendar that Java switches to before 1582.
    assert_eq!(column("c_date").as_primitive::<types::Date32Type>().value(0), -703_383);
}

#[test]
fn keys_of_two_columns_change_while_the_table_does() {
    let records = records(TYPES, ".composite");
    let table = dataset(&[("a", "int32"), ("b", "string"), ("v", "int32"), ("extra", "string")], &["a", "b"]);
    let (changes, others) = decode(Decoder::json(&table, Options::default()).unwrap(), &records);
    assert_eq!(others, ["tombstone", "tombstone"]);
    let row = |a: i32, b: &str, v: Option<i32>, extra: Option<&str>| json!({"a": a, "b": b, "v": v, "extra": extra});
    let expected = [
        ("insert", row(1, "k", Some(10), None)),
        ("insert", row(2, "k2", Some(20), None)),
        ("update", row(2, "k2", Some(21), None)),
        ("delete", row(2, "k2", None, None)),
        ("insert", row(2, "k3", Some(21), None)),
        ("delete", row(2, "k3", None, None)),
        ("insert", row(5, "tx", Some(1), None)),
        ("update", row(5, "tx", Some(2), None)),
        ("insert", row(7, "after alter", Some(7), Some("x"))),
        ("insert", row(8, "after drop", None, Some("e"))),
    ];
    let got: Vec<_> = ops(&changes).into_iter().zip(shown(&changes.rows)).collect();
    assert_eq!(got, expected);
}

#[test]
fn full_identity_says_what_was_before() {
    let (records, options) = (records(TYPES, ".full_ident"), Options { before: true, ..Options::default() });
    let (changes, others) = decode(Decoder::json(&found(&records), options).unwrap(), &records);
    assert_eq!(others, ["tombstone"]);
    assert_eq!(ops(&changes), ["insert", "update", "delete"]);
    let row = |n: i32| json!({"id": 1, "n": n, "big": "y".repeat(9000)});
    assert_eq!(shown(&changes.rows), [row(1), row(2), row(2)]);
    let nothing = json!({"id": null, "n": null, "big": null});
    assert_eq!(shown(&changes.before.unwrap()), [nothing, row(1), row(2)]);
}

#[test]
fn a_table_without_a_key() {
    let records = records(TYPES, ".no_pk");
    let table = found(&records);
    assert_eq!(table.key(), Vec::<String>::new());
    let (changes, others) = decode(Decoder::json(&table, Options::default()).unwrap(), &records);
    assert_eq!(others, ["tombstone"]);
    assert_eq!(ops(&changes), ["insert", "insert", "update", "delete", "truncate"]);
    let row = |a: i32, b: &str| json!({"a": a, "b": b});
    assert_eq!(shown(&changes.rows)[..4], [row(1, "one"), row(2, "two"), row(2, "TWO"), row(2, "TWO")]);
}

#[test]
fn values_that_were_not_sent_are_unset() {
    for packed in [TYPES, UNWRAPPED] {
        let records = records(packed, ".toast");
        let table = dataset(&[("id", "int32"), ("n", "int32"), ("big", "string")], &["id"]);
        let (changes, _) = decode(Decoder::json(&table, Options::default()).unwrap(), &records);
        assert_eq!(ops(&changes)[..4], ["insert", "update", "update", "insert"]);
        let row = |id: i32, n: i32, big: Option<&str>| json!({"id": id, "n": n, "big": big});
        let (x, z) = ("x".repeat(9000), "z".repeat(9000));
        let expected = [row(1, 1, Some(&x)), row(1, 2, None), row(1, 2, Some(&z)), row(5, 5, Some("small"))];
        assert_eq!(shown(&changes.rows)[..4], expected);
        let [(column, rows)] = &changes.unset[..] else { panic!("{:?}", changes.unset) };
        assert_eq!((*column, rows.set_indices().collect::<Vec<_>>()), (2, vec![1]));
    }
}

#[test]
fn messages_and_transactions_are_no_rows() {
    let table = dataset(&[("id", "int32")], &["id"]);
    for packed in [PLAIN, TYPES, UNWRAPPED] {
        let (changes, others) = decode(Decoder::json(&table, Options::default()).unwrap(), &records(packed, ".message"));
        assert_eq!((changes.rows.num_rows(), others), (0, vec!["message".to_owned()]));
    }
    let transactions = records(PLAIN, ".transaction");
    assert_eq!(transactions.len(), 24);
    for record in &transactions {
        let bare: Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
        let bare = serde_json::to_vec(&bare["payload"]).unwrap();
        let mut decoder = Decoder::json(&table, Options::default()).unwrap();
        assert_eq!(decoder.push(record.message()), Pushed::Skipped("transaction"));
        assert_eq!(decoder.push(Message { value: Some(&bare), ..Message::default() }), Pushed::Skipped("transaction"));
    }
}

#[test]
fn a_table_that_was_altered() {
    let records = records(PLAIN, ".inventory");
    let columns = [
        ("id", "int64"),
        ("name", "string"),
        ("qty", "int32"),
        ("price", "decimal(10,2)"),
        ("tags", "list<string>"),
        ("meta", "json"),
        ("created", "timestamp"),
        ("ts", "timestamp_ntz"),
        ("day", "date"),
        ("t", "time"),
        ("u", "uuid"),
        ("raw", "bytes"),
        ("iv", "interval"),
        ("note", "string"),
    ];
    let (changes, others) = decode(Decoder::json(&dataset(&columns, &["id"]), Options::default()).unwrap(), &records);
    assert_eq!(others, ["tombstone", "tombstone"]);
    let names = ["insert", "insert", "insert", "update", "delete", "insert", "delete", "insert", "insert", "update", "insert"];
    assert_eq!(ops(&changes)[..11], names);
    assert_eq!(ops(&changes)[11..], ["update", "insert", "truncate"]);
    let ids = changes.rows.column(0).as_primitive::<types::Int64Type>();
    let ids: Vec<_> = ids.iter().map(Option::unwrap_or_default).collect();
    assert_eq!(ids, [1, 2, 3, 3, 3, 33, 33, 4, 5, 4, 6, 6, 7, 0]);
    // The row whose timestamp is infinite has no JSON.
    let rows = shown(&changes.rows.slice(0, 12));
    let first = json!({"id": 1, "name": "snap1", "qty": 1, "price": "12.34", "tags": ["x", "y"], "meta": {"k": [1, 2]},
        "created": "2024-05-06T05:08:09.123456Z", "ts": "2024-05-06T07:08:09.123000", "day": "2024-05-06", "t": "01:02:03.500000",
        "u": "7f1c1b62-5a55-4e0f-9f2f-1f3e4d5c6b7a", "raw": "3q2+7w==", "iv": "PT93600S", "note": null});
    assert_eq!(rows[0], first);
    assert_eq!((&rows[3]["qty"], &rows[3]["price"]), (&json!(99), &json!("99.99")));
    assert_eq!((&rows[9]["note"], &rows[9]["iv"], &rows[9]["day"]), (&json!("after ddl"), &Value::Null, &json!("2024-05-06")));
    let created = changes.rows.column_by_name("created").unwrap().as_primitive::<types::TimestampMicrosecondType>();
    assert_eq!(created.value(12), i64::MAX);
}

#[test]
fn rows_without_envelope_and_schema() {
    let records = records(UNWRAPPED, ".all_types");
    let mut columns = words(&found(&self::records(TYPES, ".all_types")));
    // One unit cannot hold for both: the columns of milliseconds are taken as the numbers they are.
    for (name, word) in [("c_time3", "int32"), ("c_ts3", "int64"), ("c_money", "decimal(12,2)")] {
        columns.iter_mut().filter(|(n, _)| n == name).for_each(|(_, w)| *w = word.into());
    }
    let columns: Vec<_> = columns.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
    let table = dataset(&columns, &["id"]);
    let micros = Some(TimeUnit::Microsecond);
    let options = Options {
        decimals: Some(DecimalText::Base64),
        times: micros,
        timestamps: micros,
        intervals: micros,
        ..Options::default()
    };
    let (changes, others) = decode(Decoder::json(&table, options.clone()).unwrap(), &records);
    assert_eq!(others, ["bad: a time that no day has: `86400000000` (field `c_time`)"]);
    assert_eq!(ops(&changes), ["insert", "insert", "insert", "update", "delete", "insert", "delete"]);
    let mut first = full(1, -32768);
    (first["c_time3"], first["c_ts3"]) = (json!(3_723_456), json!(1_709_210_096_789_i64));
    let rows = shown(&changes.rows);
    assert_eq!(rows[0], first);
    assert_eq!(rows[4], only(&rows[0], 10, Some("dflt")));
    assert_eq!(rows[5]["id"], 11);
    // What could be two things is an error that says what to set.
    for (without, what) in [
        (Options { decimals: None, ..options.clone() }, "say which by the option `decimals`"),
        (Options { times: None, ..options.clone() }, "say which by the option `times`"),
        (Options { timestamps: None, ..options.clone() }, "say which by the dataset's `timestamp_unit`"),
        (Options { intervals: None, ..options.clone() }, "say which by the option `intervals`"),
    ] {
        let Pushed::Bad(reason) = Decoder::json(&table, without).unwrap().push(records[0].message()) else { panic!("{what}") };
        assert!(reason.contains(what), "{reason}");
    }
    let (composite, _) = decode(
        Decoder::json(&dataset(&[("a", "int32"), ("b", "string"), ("v", "int32")], &["a", "b"]), options).unwrap(),
        &self::records(UNWRAPPED, ".composite"),
    );
    let expected = ["insert", "insert", "update", "delete", "insert", "delete", "insert", "update", "insert", "insert"];
    assert_eq!(ops(&composite), expected);
}

#[test]
fn tables_without_keys_and_with_all_before_them_unwrapped() {
    let table = dataset(&[("a", "int32"), ("b", "string")], &[]);
    let row = |a: i32, b: &str| json!({"a": a, "b": b});
    let (changes, others) = decode(Decoder::json(&table, Options::default()).unwrap(), &records(UNWRAPPED, ".no_pk"));
    assert_eq!((ops(&changes), others.len()), (vec!["insert", "insert", "update", "delete"], 0));
    assert_eq!(shown(&changes.rows), [row(1, "one"), row(2, "two"), row(2, "TWO"), row(2, "TWO")]);
    let (changes, _) = decode(Decoder::json(&table, Options::default()).unwrap(), &records(PLAIN, ".nopk"));
    assert_eq!((ops(&changes), shown(&changes.rows)), (vec!["insert"], vec![row(1, "a")]));
    let table = dataset(&[("id", "int32"), ("n", "int32"), ("big", "string")], &["id"]);
    let (changes, others) = decode(Decoder::json(&table, Options::default()).unwrap(), &records(UNWRAPPED, ".full_ident"));
    assert_eq!((ops(&changes), others.len()), (vec!["insert", "update", "delete"], 0));
    let row = |n: i32| json!({"id": 1, "n": n, "big": "y".repeat(9000)});
    assert_eq!(shown(&changes.rows), [row(1), row(2), row(2)]);
}

#[test]
fn neighbours_of_mutated_messages_survive() {
    let mut rng = super::rng::Rng(41);
    let micros = Some(TimeUnit::Microsecond);
    let options = Options {
        before: true,
        decimals: Some(DecimalText::Base64),
        times: micros,
        timestamps: micros,
        intervals: micros,
        ..Options::default()
    };
    let table = found(&records(TYPES, ".all_types"));
    for packed in [TYPES, UNWRAPPED] {
        let records = records(packed, ".all_types");
        let mut decoder = Decoder::json(&table, options.clone()).unwrap();
        let mut bad = 0;
        for round in 0..1500 {
            let record = &records[rng.below(records.len())];
            let (mut key, mut value) = (record.key.clone(), record.value.clone());
            let Some(part) = (if rng.below(5) == 0 { &mut key } else { &mut value }) else { continue };
            for _ in 0..=rng.below(3) {
                let at = rng.below(part.len());
                match rng.below(5) {
                    0 => part.truncate(at.max(1)),
                    1 => part[at] ^= 1 << rng.below(8),
                    2 => part[at] = *b"{}[]\",:0-en\\ "[..].get(rng.below(13)).unwrap(),
                    3 => part.splice(at..at, *b"null").for_each(drop),
                    _ => drop(part.drain(at..(at + rng.below(20)).min(part.len()))),
                }
                if part.is_empty() {
                    break;
                }
            }
            assert_eq!(decoder.push(records[0].message()), Pushed::Row);
            bad += usize::from(matches!(
                decoder.push(Message { key: key.as_deref(), value: value.as_deref(), op: None }),
                Pushed::Bad(_)
            ));
            assert_eq!(decoder.push(records[0].message()), Pushed::Row);
            let changes = decoder.finish().unwrap();
            let last = changes.rows.num_rows() - 1;
            assert_eq!(changes.rows.slice(0, 1), changes.rows.slice(last, 1), "round {round}");
            assert_eq!(changes.before.unwrap().num_rows(), last + 1);
        }
        assert!(bad > 300, "{bad}");
    }
}
