//! The same changes in Avro, as Confluent's converter makes schemas of Connect's and fastavro writes them.
use std::collections::BTreeMap;

use serde_json::{Value, json};
use thyme_core::Dataset;
use thyme_formats::compression::Compression;
use thyme_formats::debezium::{Changes, Decoder, Message, Options, discover_avro};
use thyme_formats::scan::Pushed;
use thyme_formats::text::base64;

use super::debezium_samples::{TYPES, dataset, found, full, only, ops, records, shown, words};
use super::rng::Rng;

const PACKED: &[u8] = include_bytes!("../data/debezium_types_avro.jsonl.zst");

/// Key and value.
type Pair = (Option<Vec<u8>>, Option<Vec<u8>>);

/// The schemas by id, and the records of a topic.
pub(crate) fn load(topic: &str) -> (BTreeMap<u32, String>, Vec<Pair>) {
    let lines = std::io::read_to_string(Compression::Zstd.reader(PACKED).unwrap()).unwrap();
    let (mut schemas, mut pairs) = (BTreeMap::new(), Vec::new());
    for line in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if let Some(id) = line["id"].as_u64() {
            schemas.insert(u32::try_from(id).unwrap(), line["schema"].as_str().unwrap().to_owned());
        } else if line["topic"].as_str().unwrap().ends_with(topic) {
            let bytes = |part: &Value| {
                let mut out = Vec::new();
                part.as_str().map(|text| base64::decode(text.as_bytes(), &mut out).map(|()| out).unwrap())
            };
            pairs.push((bytes(&line["key"]), bytes(&line["value"])));
        }
    }
    (schemas, pairs)
}

/// Pushes a message, with its schemas as they are asked for.
fn push(decoder: &mut Decoder, schemas: &BTreeMap<u32, String>, pair: &Pair) -> Pushed {
    for _ in 0..3 {
        match decoder.push(Message { key: pair.0.as_deref(), value: pair.1.as_deref(), op: None }) {
            Pushed::NeedsSchema(id) => decoder.add_schema(id, &schemas[&id], &[]).unwrap(),
            pushed => return pushed,
        }
    }
    panic!("the schemas are known by now");
}

fn decode(table: &Dataset, topic: &str, options: Options) -> (Changes, Vec<String>) {
    let (schemas, pairs) = load(topic);
    let mut decoder = Decoder::avro(table, options).unwrap();
    let mut others = Vec::new();
    for pair in &pairs {
        match push(&mut decoder, &schemas, pair) {
            Pushed::Row => {}
            Pushed::Skipped(what) => others.push(what.to_owned()),
            Pushed::Bad(reason) => others.push(format!("bad: {reason}")),
            other => panic!("{other:?}"),
        }
    }
    (decoder.finish().unwrap(), others)
}

#[test]
fn forty_six_types_by_their_schema() {
    let (schemas, pairs) = load(".all_types");
    let id = |part: &Option<Vec<u8>>| thyme_formats::avro::schema_id(part.as_ref().unwrap()).unwrap();
    let (columns, key) = discover_avro(Some(&schemas[&id(&pairs[0].0)]), &schemas[&id(&pairs[0].1)], &[]).unwrap();
    let table = Dataset::new("t", columns.into()).unwrap().with_key(key).unwrap();
    assert_eq!(table.key(), ["id"]);
    // Avro has no int16, and a decimal's real precision stands beside Avro's.
    let json: Vec<_> = words(&found(&records(TYPES, ".all_types")));
    for ((name, avro), (_, json)) in words(&table).iter().zip(&json) {
        let expected = if json == "int16" { "int32" } else { json };
        assert_eq!(avro, if avro == "decimal(64,2)" { "decimal(64,2)" } else { expected }, "{name}");
    }
    let table = found(&records(TYPES, ".all_types"));
    let (changes, others) = decode(&table, ".all_types", Options::default());
    assert_eq!(others, ["bad: a time that no day has (field `after.c_time`)", "tombstone", "tombstone"]);
    assert_eq!(ops(&changes), ["insert", "insert", "insert", "update", "delete", "insert", "delete", "truncate"]);
    let rows = shown(&changes.rows);
    assert_eq!(rows[0], full(1, -32768));
    assert_eq!(rows[1], only(&rows[0], 2, Some("dflt")));
    let mut changed = full(11, -1);
    (changed["c_int"], changed["c_text"], changed["c_num102"]) = (json!(5), json!("changed"), Value::Null);
    assert_eq!(rows[5], changed);
    assert_eq!(rows[6], only(&rows[0], 11, Some("dflt")));
}

#[test]
fn the_other_tables() {
    let json = |topic: &str, table: &Dataset, options: Options| {
        super::debezium_samples::decode(Decoder::json(table, options).unwrap(), &records(TYPES, topic))
    };
    let options = || Options { before: true, ..Options::default() };
    for (topic, columns, key) in [
        (".composite", &[("a", "int32"), ("b", "string"), ("v", "int32"), ("extra", "string")][..], &["a", "b"][..]),
        (".full_ident", &[("id", "int32"), ("n", "int32"), ("big", "string")], &["id"]),
        (".no_pk", &[("a", "int32"), ("b", "string")], &[]),
        (".toast", &[("id", "int32"), ("n", "int32"), ("big", "string")], &["id"]),
        (".message", &[("id", "int32")], &["id"]),
    ] {
        let table = dataset(columns, key);
        let ((avro, others), (json, expected)) = (decode(&table, topic, options()), json(topic, &table, options()));
        assert_eq!(others, expected, "{topic}");
        assert_eq!((avro.rows, avro.ops, avro.before), (json.rows, json.ops, json.before), "{topic}");
        let unset = |unset: &[(usize, thyme_core::arrow::buffer::BooleanBuffer)]| unset.to_vec();
        assert_eq!(unset(&avro.unset), unset(&json.unset), "{topic}");
        assert_eq!(avro.unset.len(), usize::from(topic == ".toast"));
    }
}

#[test]
fn neighbours_of_mutated_messages_survive() {
    let table = found(&records(TYPES, ".all_types"));
    let (schemas, pairs) = load(".all_types");
    let good = &pairs[0];
    let mut rng = Rng(9);
    let mut bad = 0;
    for round in 0..3000 {
        let mut decoder = Decoder::avro(&table, Options { before: true, ..Options::default() }).unwrap();
        let mut pair = pairs[rng.below(pairs.len())].clone();
        let Some(part) = (if rng.below(4) == 0 { &mut pair.0 } else { &mut pair.1 }) else { continue };
        let at = rng.below(part.len());
        match rng.below(3) {
            0 => part.truncate(at),
            1 => part[at] ^= 1 << rng.below(8),
            _ => part.insert(at, rng.next() as u8),
        }
        assert_eq!(push(&mut decoder, &schemas, good), Pushed::Row);
        // The id may be another's, or nobody's.
        let known = |part: &Option<Vec<u8>>| {
            part.as_ref().and_then(|part| thyme_formats::avro::schema_id(part)).is_none_or(|id| schemas.contains_key(&id))
        };
        if known(&pair.0) && known(&pair.1) {
            bad += usize::from(matches!(push(&mut decoder, &schemas, &pair), Pushed::Bad(_)));
        }
        assert_eq!(push(&mut decoder, &schemas, good), Pushed::Row);
        let changes = decoder.finish().unwrap();
        let rows = changes.rows.num_rows();
        assert_eq!(changes.rows.slice(0, 1), changes.rows.slice(rows - 1, 1), "round {round}");
    }
    assert!(bad > 300, "{bad}");
}
