//! Any bytes as CSV: nothing panics, and where blocks are cut does not matter.
#![no_main]
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use thyme_core::arrow::select::concat::concat_batches;
use thyme_formats::csv::{CsvOptions, CsvScanner};

fuzz_target!(|data: &[u8]| {
    let Some((&cut, block)) = data.split_first() else { return };
    let schema = schema();
    let Some(whole) = read(&schema, block, block.len()) else { return };
    let cut = usize::from(cut).min(block.len());
    let cut_up = read(&schema, block, cut).expect("the header was read before");
    assert_eq!(cut_up, whole, "cut at {cut}");
});

/// Rows and the number of bad records, with the first block ending at `cut`; `None` when the header is refused.
fn read(schema: &SchemaRef, text: &[u8], cut: usize) -> Option<(RecordBatch, usize)> {
    let mut scanner = CsvScanner::new(schema, CsvOptions::default()).expect("the schema can be read");
    let start = scanner.header(text, true).ok()??;
    let cut = cut.max(start);
    let first = scanner.records(&text[start..cut], cut == text.len()).expect("bad records are no errors");
    let rest = scanner.records(&text[start + first.consumed..], true).expect("bad records are no errors");
    let rows = concat_batches(&first.rows.schema(), [&first.rows, &rest.rows]).expect("one schema");
    Some((rows, first.bad.len() + rest.bad.len()))
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("i", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("b", DataType::Boolean, true),
        Field::new("t", DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())), true),
    ]))
}
