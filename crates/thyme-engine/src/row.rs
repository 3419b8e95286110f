//! One row as JSON, and back: the payload of a dead letter.
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::TimeUnit;
use thyme_core::bytes::Bytes;
use thyme_core::{Dataset, Error, Kind, Result};
use thyme_formats::TimestampUnit;
use thyme_formats::json::{JsonOptions, JsonScanner};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions, NonFinite};

/// Row `row` of `rows` as one JSON object. NaN and the infinities are strings: they are seen, and must be mended to come back.
pub(crate) fn to_json(rows: &RecordBatch, row: usize) -> Result<Bytes> {
    let options = JsonWriteOptions { non_finite: NonFinite::String, ..JsonWriteOptions::default() };
    let mut encoder = JsonEncoder::new(rows.schema_ref(), options)?;
    let mut text = Vec::new();
    let bad = encoder.encode(&rows.slice(row, 1), &mut text, None)?;
    if let Some(bad) = bad.first() {
        return Err(Error::new(Kind::Data, format!("a rejected row has no JSON form: {}", bad.reason)));
    }
    text.truncate(text.trim_ascii_end().len());
    Ok(text.into())
}

/// The row again, as one row of `dataset`; `Err` inside says why it is none.
pub(crate) fn from_json(dataset: &Dataset, text: &[u8]) -> Result<Result<RecordBatch, String>> {
    let timestamp_unit = match dataset.timestamp_unit() {
        TimeUnit::Second => TimestampUnit::Seconds,
        TimeUnit::Millisecond => TimestampUnit::Milliseconds,
        TimeUnit::Microsecond | TimeUnit::Nanosecond => TimestampUnit::Microseconds,
    };
    let options = JsonOptions { timestamp_unit, record_bytes_at_most: usize::MAX, ..JsonOptions::default() };
    let mut scanner = JsonScanner::new(dataset.columns(), options)?;
    let scanned = scanner.messages(text, &[text.len()])?;
    Ok(match scanned.bad.into_iter().next() {
        Some(bad) => Err(format!("{}, character {}", bad.reason, bad.column)),
        None if scanned.rows.num_rows() == 1 => Ok(scanned.rows),
        None => Err("there is no record".to_owned()),
    })
}
