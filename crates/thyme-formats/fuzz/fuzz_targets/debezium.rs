//! Any bytes as a message of Debezium, JSON and Avro, key and value: nothing panics, and the messages around it survive.
#![no_main]
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use thyme_core::arrow::datatypes::{Field, Schema, TimeUnit};
use thyme_core::{Dataset, field_type};
use thyme_formats::debezium::{DecimalText, Decoder, Message, Options, discover_json};
use thyme_formats::scan::Pushed;

const ENVELOPE: &str = r#"{"type":"record","name":"Envelope","fields":[
    {"name":"before","type":["null",{"type":"record","name":"Value","fields":[{"name":"id","type":"long"},
        {"name":"d","type":["null",{"type":"bytes","scale":2,"precision":10,"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}]},
        {"name":"at","type":["null",{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"}]},
        {"name":"s","type":["null","string"]},{"name":"l","type":["null",{"type":"array","items":["null","string"]}]}]}]},
    {"name":"after","type":["null","Value"]},{"name":"op","type":"string"}]}"#;

fuzz_target!(|data: &[u8]| {
    let Some((&split, data)) = data.split_first() else { return };
    let (key, value) = data.split_at(usize::from(split).min(data.len()));
    let message = Message { key: (split > 0).then_some(key), value: Some(value), op: None };
    let _ = discover_json(message.key, value);

    let row = br#"{"before":null,"after":{"id":1,"d":"ew==","at":1,"s":"x","l":["y"],"r":{"a":1.5}},"op":"c"}"#;
    around(Decoder::json(dataset(), options()).expect("the types can be read"), message, row);

    let mut decoder = Decoder::avro(dataset(), options()).expect("the types can be read");
    decoder.add_schema(1, ENVELOPE, &[]).expect("a schema");
    let framed = [&[0, 0, 0, 0, 1][..], value].concat();
    let message = Message { value: Some(&framed), ..message };
    around(decoder, message, &[0, 0, 0, 0, 1, 0, 2, 2, 0, 0, 2, 2, b'x', 0, 2, b'c']);
});

/// The message between two that are good.
fn around(mut decoder: Decoder, message: Message<'_>, good: &[u8]) {
    let good = Message { value: Some(good), ..Message::default() };
    assert_eq!(decoder.push(good), Pushed::Row);
    decoder.push(message);
    assert_eq!(decoder.push(good), Pushed::Row);
    let changes = decoder.finish().expect("never for what messages hold");
    let last = changes.rows.num_rows() - 1;
    assert_eq!(changes.rows.slice(0, 1), changes.rows.slice(last, 1));
    assert!(changes.before.is_some_and(|before| before.num_rows() == last + 1));
}

fn dataset() -> &'static Dataset {
    static DATASET: OnceLock<Dataset> = OnceLock::new();
    DATASET.get_or_init(made)
}

fn made() -> Dataset {
    let columns = [
        ("id", "int64"),
        ("d", "decimal(10,2)"),
        ("at", "timestamp"),
        ("t", "time"),
        ("s", "string"),
        ("raw", "bytes"),
        ("j", "json"),
        ("u", "uuid"),
        ("l", "list<string>"),
        ("m", "map<string,decimal(20,1)>"),
        ("r", "struct<a:float64,b:list<interval>>"),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, word)| field_type::parse(name, word).expect("a type")).collect();
    let dataset = Dataset::new("t", Schema::new(fields).into()).and_then(|dataset| dataset.with_key(["id"]));
    dataset.expect("a dataset")
}

fn options() -> Options {
    let micros = Some(TimeUnit::Microsecond);
    Options {
        before: true,
        decimals: Some(DecimalText::Base64),
        times: micros,
        timestamps: micros,
        intervals: micros,
        ..Options::default()
    }
}
