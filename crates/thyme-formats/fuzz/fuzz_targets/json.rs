//! Any bytes as JSON lines: nothing panics, nothing is taken that serde_json refuses, where blocks are cut does not matter, and what is
//! written again reads as the same rows.
#![no_main]
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use thyme_core::arrow::select::concat::concat_batches;
use thyme_formats::json::{JsonOptions, JsonScanner};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};

fuzz_target!(|data: &[u8]| {
    let Some((&cut, block)) = data.split_first() else { return };
    let schema = schema();
    let mut scanner = JsonScanner::new(&schema, JsonOptions::default()).expect("the schema can be read");
    let whole = scanner.lines(block, true).expect("bad records are no errors");
    accepted_by_serde_json(block, &whole.bad.iter().map(|bad| bad.bytes.start).collect::<Vec<_>>());

    let cut = usize::from(cut).min(block.len());
    let mut scanner = JsonScanner::new(&schema, JsonOptions::default()).expect("the schema can be read");
    let first = scanner.lines(&block[..cut], false).expect("bad records are no errors");
    let rest = scanner.lines(&block[first.consumed..], true).expect("bad records are no errors");
    let both = concat_batches(&whole.rows.schema(), [&first.rows, &rest.rows]).expect("one schema");
    assert_eq!(both, whole.rows, "cut at {cut}");
    assert_eq!(first.bad.len() + rest.bad.len(), whole.bad.len(), "cut at {cut}");

    again(&schema, &whole.rows);
});

fn accepted_by_serde_json(block: &[u8], bad: &[usize]) {
    let mut start = 0;
    for line in block.split(|byte| *byte == b'\n') {
        let blank = line.iter().all(|byte| b" \t\r".contains(byte));
        let edge = line.windows(6).any(|bytes| bytes == b"1.7976");
        if !blank && !bad.contains(&start) && !edge {
            // Only the nesting is bounded differently.
            match serde_json::from_slice::<serde_json::Value>(line) {
                Err(e) if !e.to_string().contains("recursion limit") => panic!("{e}: {}", String::from_utf8_lossy(line)),
                _ => {}
            }
        }
        start += line.len() + 1;
    }
}

fn again(schema: &SchemaRef, rows: &RecordBatch) {
    let mut text = Vec::new();
    let mut encoder = JsonEncoder::new(schema, JsonWriteOptions::default()).expect("the schema can be written");
    let refused = encoder.encode(rows, &mut text, None).expect("the columns fit");
    if refused.is_empty() {
        let mut scanner = JsonScanner::new(schema, JsonOptions::default()).expect("the schema can be read");
        let read = scanner.lines(&text, true).expect("bad records are no errors");
        assert!(read.bad.is_empty(), "{:?}\n{}", read.bad, String::from_utf8_lossy(&text));
        assert_eq!(read.rows, *rows, "{}", String::from_utf8_lossy(&text));
    }
}

fn schema() -> SchemaRef {
    let inner = vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)];
    Arc::new(Schema::new(vec![
        Field::new("i", DataType::Int64, true),
        Field::new("u", DataType::UInt8, true),
        Field::new("f", DataType::Float64, true),
        Field::new("b", DataType::Boolean, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("d", DataType::Decimal128(12, 2), true),
        Field::new("t", DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())), true),
        Field::new("l", DataType::List(Arc::new(Field::new("item", DataType::Int64, true))), true),
        Field::new("o", DataType::Struct(inner.into()), true),
    ]))
}
