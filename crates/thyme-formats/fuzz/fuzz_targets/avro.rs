//! Any bytes as an Avro schema, messages of it, and files: nothing panics, the messages around a bad one survive, and what is
//! written again reads as the same rows.
#![no_main]
use libfuzzer_sys::fuzz_target;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::{Field, Schema, SchemaRef};
use thyme_core::field_type;
use thyme_formats::avro::file::AvroFileDecoder;
use thyme_formats::avro::{AvroDecoder, AvroEncoder, AvroOptions, Framing, columns, schema_of};
use thyme_formats::scan::{Pushed, Unknown};

const WRITER: &str = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"s","type":["null","string"]},
    {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":3}},{"name":"l","type":{"type":"array","items":["null","int"]}},
    {"name":"m","type":{"type":"map","values":"double"}},{"name":"skip","type":{"type":"array","items":["null","R"]}},
    {"name":"r","type":{"type":"record","name":"In","fields":[{"name":"x","type":"boolean"}]}},{"name":"j","type":["null","string","In"]}]}"#;
const GOOD: &[u8] = &[2, 2, 2, b'x', 2, 7, 2, 2, 4, 0, 0, 0, 1, 4, 0];

fuzz_target!(|data: &[u8]| {
    let mut decoder = decoder(WRITER).expect("the schema of the writer");
    assert_eq!(decoder.push(GOOD), Pushed::Row);
    decoder.push(data);
    assert_eq!(decoder.push(GOOD), Pushed::Row);
    let rows = decoder.finish().expect("never for what messages hold");
    assert_eq!(rows.slice(0, 1), rows.slice(rows.num_rows() - 1, 1));
    again(&rows);

    if let Some(mut file) = AvroFileDecoder::open(data, &schema(), Unknown::Ignore, 0).ok() {
        while let Ok(Some(_)) = file.next_batch() {}
    }
    // A schema up to the first zero, then a message.
    let (text, message) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    if let Ok(text) = str::from_utf8(text) {
        if let Ok(found) = columns(text, &[]) {
            let _ = schema_of("any", &found);
        }
        if let Ok(mut decoder) = self::decoder(text) {
            let _ = decoder.set_reader(text, &[]);
            decoder.push(message.get(1..).unwrap_or_default());
            decoder.finish().expect("never for what messages hold");
        }
    }
});

fn decoder(writer: &str) -> thyme_core::Result<AvroDecoder> {
    let options = AvroOptions { framing: Framing::Bare, ..AvroOptions::default() };
    let mut decoder = AvroDecoder::new(&schema(), options)?;
    decoder.add_schema(0, writer, &[])?;
    Ok(decoder)
}

fn again(rows: &RecordBatch) {
    let (mut out, mut ends, mut start) = (Vec::new(), Vec::new(), 0);
    let encoder = AvroEncoder::new(&rows.schema(), None).expect("the types can be written");
    assert!(encoder.encode(rows, &mut out, &mut ends).expect("its own columns").is_empty());
    let mut decoder = decoder(&schema_of("R", &rows.schema()).expect("a schema")).expect("our own schema");
    for end in ends {
        assert_eq!(decoder.push(&out[start..end]), Pushed::Row);
        start = end;
    }
    // NaN is not itself, and metadata comes in any order.
    let shown = |rows: &RecordBatch| format!("{:?}", rows.columns());
    assert_eq!(shown(&decoder.finish().expect("rows")), shown(rows));
}

fn schema() -> SchemaRef {
    let columns = [
        ("id", "int64"),
        ("s", "string"),
        ("d", "decimal(20,3)"),
        ("l", "list<int64>"),
        ("m", "map<string,float64>"),
        ("r", "struct<x:bool,y:uuid>"),
        ("j", "json"),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, word)| field_type::parse(name, word).expect("a type")).collect();
    Schema::new(fields).into()
}
