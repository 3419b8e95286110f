//! Avro as others write and read it: files of fastavro 1.13 with what Python says is in them, and arrow-avro both ways.
use std::io::Cursor;

use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use arrow_avro::writer::AvroWriter;
use serde_json::Value;
use thyme_core::arrow::array::{Array, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, Schema, SchemaRef};
use thyme_core::field_type;
use thyme_formats::avro::file::{AvroCodec, AvroFileDecoder, AvroFileEncoder};
use thyme_formats::avro::{AvroDecoder, AvroEncoder, AvroOptions, schema_of};
use thyme_formats::fault::Fault;
use thyme_formats::scan::{Pushed, Unknown};

use super::avro_rules::schema;
use super::debezium_samples::shown;
use super::rng::Rng;

const FILES: [(&[u8], usize); 5] = [
    (include_bytes!("../data/fastavro/null.avro"), 150),
    (include_bytes!("../data/fastavro/deflate.avro"), 20),
    (include_bytes!("../data/fastavro/snappy.avro"), 20),
    (include_bytes!("../data/fastavro/zstandard.avro"), 20),
    (include_bytes!("../data/fastavro/bzip2.avro"), 20),
];
const ROWS: &str = include_str!("../data/fastavro/rows.jsonl");

const COLUMNS: [(&str, &str); 22] = [
    ("id", "int64"),
    ("i", "int32"),
    ("f", "float32"),
    ("d", "float64"),
    ("b", "bool"),
    ("s", "string"),
    ("raw", "bytes"),
    ("e", "string"),
    ("fx", "bytes"),
    ("dec", "decimal(30,7)"),
    ("fdec", "decimal(20,2)"),
    ("day", "date"),
    ("tms", "time"),
    ("tus", "time"),
    ("sms", "timestamp"),
    ("sus", "timestamp"),
    ("lus", "timestamp_ntz"),
    ("u", "uuid"),
    ("l", "list<int64>"),
    ("m", "map<string,string>"),
    ("r", "struct<x:int32,y:list<map<string,int64>>>"),
    ("u3", "json"),
];

fn read(file: &[u8], columns: &Schema, first: u64) -> Result<Vec<RecordBatch>, Fault> {
    let mut decoder = AvroFileDecoder::open(file, columns, Unknown::Ignore, first)?;
    let mut batches = Vec::new();
    while let Some(batch) = decoder.next_batch()? {
        batches.push(batch);
    }
    Ok(batches)
}

fn truth() -> RecordBatch {
    read(FILES[0].0, &schema(&COLUMNS), 0).unwrap().remove(0)
}

/// Floats of 32 bits have shorter digits here than in Python.
fn narrowed(mut row: Value) -> Value {
    row["f"] = row["f"].as_f64().map_or(Value::Null, |f| Value::from(f64::from(f as f32)));
    row
}

#[test]
fn files_of_fastavro() {
    let expected: Vec<Value> = ROWS.lines().map(|line| narrowed(serde_json::from_str(line).unwrap())).collect();
    for (file, rows) in FILES {
        let found = thyme_formats::avro::file::schema(file).unwrap();
        let words: Vec<_> = found.fields().iter().map(|field| (field.name().clone(), field_type::name(field))).collect();
        let wanted = COLUMNS.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned()));
        let gone = ("gone".to_owned(), "map<string,list<struct<x:int32,y:list<map<string,int64>>>>>".to_owned());
        assert_eq!(words, wanted.chain([gone]).collect::<Vec<_>>());
        let batches = read(file, &schema(&COLUMNS), 0).unwrap();
        let got: Vec<Value> = batches.iter().flat_map(shown).map(narrowed).collect();
        assert_eq!(got.len(), rows);
        for (row, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert_eq!(got, expected, "row {row}");
        }
        let rest: Vec<Value> = read(file, &schema(&COLUMNS), 7).unwrap().iter().flat_map(shown).map(narrowed).collect();
        assert_eq!(rest, got[7..]);
    }
}

#[test]
fn damaged_files_are_said_to_be() {
    let mut rng = Rng(5);
    for (file, _) in FILES {
        for _ in 0..60 {
            let mut damaged = file.to_vec();
            match rng.below(3) {
                0 => damaged.truncate(rng.below(file.len())),
                _ => damaged[rng.below(file.len())] ^= 1 << rng.below(8),
            }
            // What is compressed may hold the bit where nobody sees it.
            if let Err(Fault::Io(error)) = read(&damaged, &schema(&COLUMNS), 0) {
                panic!("{error}");
            }
        }
        let mut cut = file.to_vec();
        cut.truncate(file.len() - 1);
        assert!(matches!(read(&cut, &schema(&COLUMNS), 0), Err(Fault::Damaged(_))));
    }
    assert!(matches!(read(b"", &schema(&COLUMNS), 0), Err(Fault::Damaged(_))));
    let wrong = schema(&[("id", "string"), ("s", "int64")]);
    assert!(matches!(read(FILES[0].0, &wrong, 0), Err(Fault::Drift(drift)) if drift.changed.len() == 2));
}

/// The columns that arrow-avro has the same types for.
fn common() -> (SchemaRef, RecordBatch) {
    let batch = truth();
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|place| {
            let schema = batch.schema();
            let field = schema.field(*place);
            !matches!(field.data_type(), DataType::Map(..) | DataType::Struct(_)) && !field_type::is(field, field_type::JSON)
        })
        .collect();
    let batch = batch.project(&kept).unwrap();
    (batch.schema(), batch)
}

#[test]
fn arrow_avro_reads_what_we_write() {
    let (schema, batch) = common();
    for codec in [AvroCodec::Null, AvroCodec::Deflate, AvroCodec::Snappy, AvroCodec::Zstandard, AvroCodec::Bzip2] {
        let mut encoder = AvroFileEncoder::new(Vec::new(), "t.Row", &schema, codec).unwrap();
        assert_eq!(encoder.write(&batch).unwrap(), []);
        let file = encoder.finish().unwrap();
        let reader = ReaderBuilder::new().with_batch_size(1000).build(Cursor::new(&file)).unwrap();
        let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        let [read] = &read[..] else { panic!("{} batches", read.len()) };
        for (place, field) in schema.fields().iter().enumerate() {
            assert_eq!(read.column(place).to_data(), batch.column(place).to_data(), "{codec:?} {field:?}");
        }
        let ours = self::read(&file, &schema, 0).unwrap();
        assert_eq!(ours, std::slice::from_ref(&batch));
    }
}

#[test]
fn we_read_what_arrow_avro_writes() {
    let (schema, batch) = common();
    let mut writer = AvroWriter::new(Vec::<u8>::new(), schema.as_ref().clone()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let file = writer.into_inner();
    assert_eq!(read(&file, &schema, 0).unwrap(), [batch]);
}

#[test]
fn everything_comes_back() {
    let batch = truth();
    let mut encoder = AvroFileEncoder::new(Vec::new(), "Row", &batch.schema(), AvroCodec::default()).unwrap();
    for _ in 0..40 {
        assert_eq!(encoder.write(&batch).unwrap(), []);
    }
    let file = encoder.finish().unwrap();
    let rows: usize = read(&file, &batch.schema(), 0).unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 40 * 150);
    assert_eq!(read(&file, &batch.schema(), 39 * 150).unwrap(), [batch]);
}

/// The messages of a batch, framed by id 1, and the schema they are written by.
fn messages(batch: &RecordBatch) -> (String, Vec<Vec<u8>>) {
    let (mut out, mut ends, mut start) = (Vec::new(), Vec::new(), 0);
    let encoder = AvroEncoder::new(&batch.schema(), Some(1)).unwrap();
    assert_eq!(encoder.encode(batch, &mut out, &mut ends).unwrap(), []);
    let cut = ends.into_iter().map(|end| out[std::mem::replace(&mut start, end)..end].to_vec());
    (schema_of("t.Row", &batch.schema()).unwrap(), cut.collect())
}

#[test]
fn neighbours_of_mutated_messages_survive() {
    let batch = truth();
    let (schema, messages) = messages(&batch);
    let mut decoder = AvroDecoder::new(&batch.schema(), AvroOptions::default()).unwrap();
    decoder.add_schema(1, &schema, &[]).unwrap();
    let mut rng = Rng(77);
    let mut bad = 0;
    for round in 0..40 {
        let mut kept = Vec::new();
        for (row, message) in messages.iter().enumerate() {
            let mut mutant = message.clone();
            let at = 5 + rng.below(mutant.len() - 5);
            match rng.below(4) {
                0 => mutant.truncate(at),
                1 => mutant[at] ^= 1 << rng.below(8),
                2 => mutant.insert(at, rng.next() as u8),
                _ => mutant.splice(at..at, [0xFF; 9]).for_each(drop),
            }
            match decoder.push(&mutant) {
                Pushed::Row => kept.push(None),
                Pushed::Bad(_) => bad += 1,
                other => panic!("{other:?}"),
            }
            assert_eq!(decoder.push(message), Pushed::Row);
            kept.push(Some(row));
        }
        let rows = decoder.finish().unwrap();
        assert_eq!(rows.num_rows(), kept.len());
        for (place, row) in kept.iter().enumerate().filter_map(|(place, row)| Some((place, (*row)?))) {
            assert_eq!(rows.slice(place, 1), batch.slice(row, 1), "round {round} row {row}");
        }
    }
    assert!(bad > 1000, "{bad}");
}

#[test]
fn a_bad_message_spoils_the_batch_of_arrow_avro() {
    let text = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":"boolean"},{"name":"c","type":"long"}]}"#;
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(1), AvroSchema::new(text.to_owned())).unwrap();
    let mut theirs = ReaderBuilder::new().with_writer_schema_store(store).build_decoder().unwrap();
    let mut ours = AvroDecoder::new(&schema(&[("a", "int64"), ("b", "bool"), ("c", "int64")]), AvroOptions::default()).unwrap();
    ours.add_schema(1, text, &[]).unwrap();
    let good = [0, 0, 0, 0, 1, 2, 1, 4];
    let bad = [0, 0, 0, 0, 1, 2, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(theirs.decode(&good).unwrap(), good.len());
    theirs.decode(&bad).unwrap_err();
    assert!(theirs.flush().is_err(), "were it mended, ours would not be needed");
    assert_eq!(ours.push(&good), Pushed::Row);
    assert!(matches!(ours.push(&bad), Pushed::Bad(_)));
    assert_eq!(ours.push(&good), Pushed::Row);
    let rows = ours.finish().unwrap();
    assert_eq!((rows.num_rows(), rows.slice(0, 1)), (2, rows.slice(1, 1)));
    assert_eq!(rows.column(0).null_count(), 0);
}
