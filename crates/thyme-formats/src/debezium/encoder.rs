//! Changes as Debezium's envelopes in JSON.
use std::sync::Arc;

use serde_json::Value;
use thyme_core::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_empty_array};
use thyme_core::arrow::datatypes::{Schema, SchemaRef};
use thyme_core::{Batch, Dataset, Error, Kind, Op, Result};

use super::{unavailable, wire};
use crate::encode::BadRow;
use crate::json_out::{JsonEncoder, JsonWriteOptions, NonFinite};

/// How envelopes are written.
#[derive(Clone, Debug)]
pub struct EncodeOptions {
    /// Whether each message brings its schema along. Readers need it to tell times from numbers.
    pub schema: bool,
    /// What the schemas are called after: `server.schema.table`. The last part is the table's name.
    pub name: String,
    /// What stands for a value that was not sent.
    pub unavailable: Vec<u8>,
}

impl EncodeOptions {
    /// Envelopes with their schemas, called after `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { schema: true, name: name.into(), unavailable: unavailable::DEFAULT.to_vec() }
    }
}

/// Writes batches of changes as envelopes, one a row: what [`Decoder`](super::Decoder) reads, and Debezium's own readers.
///
/// Types are those of PostgreSQL's connector: a decimal is its bytes, a `timestamp` text (`ZonedTimestamp`), a `timestamp_ntz`
/// microseconds (`MicroTimestamp`), a date days, a time microseconds, an interval ISO 8601, json and uuid text of that name.
#[derive(Debug)]
pub struct Encoder {
    key: Vec<usize>,
    columns: SchemaRef,
    /// What stands in front of a payload, and behind it.
    value_frame: (Vec<u8>, &'static [u8]),
    key_frame: (Vec<u8>, &'static [u8]),
    name: String,
    unavailable: Vec<u8>,
    scratch: [(Vec<u8>, Vec<usize>); 2],
}

impl Encoder {
    /// An encoder for changes of the rows of `dataset`.
    ///
    /// # Errors
    /// `Unsupported` for a column of a type that Debezium has no counterpart for.
    pub fn new(dataset: &Dataset, options: EncodeOptions) -> Result<Self> {
        let columns = dataset.columns();
        let key: Vec<usize> = dataset.key().iter().filter_map(|name| columns.index_of(name).ok()).collect();
        for field in columns.fields() {
            wire::array(field, &new_empty_array(field.data_type()))?;
        }
        let connect = dataset.schema().fields().iter().map(|field| wire::connect(field)).collect::<Result<Vec<_>>>()?;
        let key_connect: Vec<Value> = key.iter().filter_map(|place| connect.get(*place).cloned()).collect();
        let frame = |schema: Value| {
            let text = if options.schema { format!("{{\"schema\":{schema},\"payload\":") } else { String::new() };
            (text.into_bytes(), if options.schema { &b"}"[..] } else { b"" })
        };
        Ok(Self {
            value_frame: frame(envelope(&options.name, &connect)),
            key_frame: frame(
                serde_json::json!({ "type": "struct", "fields": key_connect, "optional": false, "name": format!("{}.Key", options.name) }),
            ),
            columns: Arc::clone(columns),
            key,
            name: options.name,
            unavailable: options.unavailable,
            scratch: Default::default(),
        })
    }

    /// Appends the envelope of each row of `batch` to `out`, and where it ends to `ends`; `now` is the time in milliseconds
    /// since 1970 that they are stamped with. After that of a deleted row a tombstone is to follow. The rows that could not be
    /// written are returned, in order; they are empty.
    ///
    /// # Errors
    /// `Unexpected` when the columns of the batch are not those of the dataset.
    pub fn values(&mut self, batch: &Batch, now: i64, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<Vec<BadRow>> {
        let (rows, mut bad) = self.side(&batch.rows, batch, true)?;
        let before = batch.before.as_ref().map(|before| self.side(before, batch, false)).transpose()?;
        let [(after_text, after_ends), (before_text, before_ends)] = &mut self.scratch;
        for scratch in [&mut *after_text, &mut *before_text] {
            scratch.clear();
        }
        after_ends.clear();
        before_ends.clear();
        bad.extend(json(&rows)?.encode(&rows, after_text, Some(after_ends))?);
        if let Some((before, refused)) = &before {
            bad.extend(refused.iter().cloned());
            bad.extend(json(before)?.encode(before, before_text, Some(before_ends))?);
        }
        bad.sort_by_key(|bad| bad.row);
        bad.dedup_by_key(|bad| bad.row);
        let (db, table) = self.name.rsplit_once('.').unwrap_or(("", &self.name));
        let source = serde_json::json!({ "version": env!("CARGO_PKG_VERSION"), "connector": "thyme", "name": self.name, "ts_ms": now, "db": db, "table": table });
        let source = source.to_string();
        let mut refused = bad.iter().map(|bad| bad.row).peekable();
        for row in 0..batch.rows.num_rows() {
            if refused.next_if_eq(&row).is_some() {
                ends.push(out.len());
                continue;
            }
            let this = one(after_text, after_ends, row);
            let known = before.as_ref().is_some_and(|(before, _)| before.columns().iter().any(|column| !column.is_null(row)));
            let old: &[u8] = if known { one(before_text, before_ends, row) } else { b"null" };
            let (old, new, op): (&[u8], &[u8], &[u8]) = match batch.ops.at(row) {
                Op::Insert => (b"null", this, b"c"),
                Op::Update => (old, this, b"u"),
                Op::Delete => (if known { old } else { this }, b"null", b"d"),
                Op::Truncate => (b"null", b"null", b"t"),
            };
            let parts: [&[u8]; 9] = [
                &self.value_frame.0,
                b"{\"before\":",
                old,
                b",\"after\":",
                new,
                b",\"source\":",
                source.as_bytes(),
                b",\"transaction\":null,\"op\":\"",
                op,
            ];
            parts.iter().for_each(|part| out.extend_from_slice(part));
            out.extend_from_slice(format!("\",\"ts_ms\":{now}}}").as_bytes());
            out.extend_from_slice(self.value_frame.1);
            ends.push(out.len());
        }
        Ok(bad)
    }

    /// Appends the key of each of `rows` to `out`, and where it ends to `ends`; those of a dataset without a key are empty. The
    /// rows that could not be written are returned, in order; they are empty too.
    ///
    /// # Errors
    /// `Unexpected` when the columns are not those of the dataset.
    pub fn keys(&mut self, rows: &RecordBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<Vec<BadRow>> {
        if self.key.is_empty() {
            ends.extend(std::iter::repeat_n(out.len(), rows.num_rows()));
            return Ok(Vec::new());
        }
        let arrays = self.key.iter().map(|place| {
            let (field, array) = (self.columns.fields().get(*place), rows.columns().get(*place));
            let (Some(field), Some(array)) = (field, array) else { return Err(other()) };
            wire::array(field, array)
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let fields = self.key.iter().zip(&arrays).map(|(place, array)| {
            let name = self.columns.fields().get(*place).map_or("", |field| field.name());
            thyme_core::arrow::datatypes::Field::new(name, array.data_type().clone(), true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let keys = RecordBatch::try_new(schema, arrays).map_err(|e| other().source(e))?;
        let (text, text_ends) = &mut self.scratch[0];
        text.clear();
        text_ends.clear();
        let bad = json(&keys)?.encode(&keys, text, Some(text_ends))?;
        let mut refused = bad.iter().map(|bad| bad.row).peekable();
        for row in 0..rows.num_rows() {
            if refused.next_if_eq(&row).is_none() {
                out.extend_from_slice(&self.key_frame.0);
                out.extend_from_slice(one(text, text_ends, row));
                out.extend_from_slice(self.key_frame.1);
            }
            ends.push(out.len());
        }
        Ok(bad)
    }

    /// Rows as they are written; those that cannot be. Cells whose value was not sent get the placeholder if `new`.
    fn side(&self, rows: &RecordBatch, batch: &Batch, new: bool) -> Result<(RecordBatch, Vec<BadRow>)> {
        if rows.num_columns() != self.columns.fields().len() {
            return Err(other());
        }
        let mut bad = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(rows.num_columns());
        for (place, (field, array)) in self.columns.fields().iter().zip(rows.columns()).enumerate() {
            let mut written = wire::array(field, array)?;
            for (_, unset) in batch.unset.iter().filter(|(column, _)| *column == place && new) {
                match wire::with_placeholder(&written, unset, &self.unavailable) {
                    Some(filled) => written = filled,
                    None => bad.extend(unset.set_indices().map(|row| BadRow {
                        row,
                        reason: format!(
                            "a value that is not known cannot be written as a {} (field `{}`)",
                            field.data_type(),
                            field.name()
                        ),
                    })),
                }
            }
            arrays.push(written);
        }
        let fields = self.columns.fields().iter().zip(&arrays);
        let fields =
            fields.map(|(field, array)| thyme_core::arrow::datatypes::Field::new(field.name(), array.data_type().clone(), true));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let rows = RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|e| other().source(e))?;
        Ok((rows, bad))
    }
}

/// An encoder of rows as they are written: the types of a column may differ from batch to batch.
fn json(rows: &RecordBatch) -> Result<JsonEncoder> {
    JsonEncoder::new(&rows.schema(), JsonWriteOptions { non_finite: NonFinite::String, ..JsonWriteOptions::default() })
}

fn one<'a>(text: &'a [u8], ends: &[usize], row: usize) -> &'a [u8] {
    let start = row.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or(0);
    ends.get(row).and_then(|end| text.get(start..*end)).unwrap_or_default()
}

fn other() -> Error {
    Error::new(Kind::Unexpected, "the batch does not have the columns the debezium encoder was made for")
}

/// The schema of envelopes around rows with these fields.
fn envelope(name: &str, fields: &[Value]) -> Value {
    let row = |field: &str| serde_json::json!({ "type": "struct", "fields": fields, "optional": true, "name": format!("{name}.Value"), "field": field });
    let plain =
        |kind: &str, field: &str, optional: bool| serde_json::json!({ "type": kind, "optional": optional, "field": field });
    let texts = |names: &[&str]| names.iter().map(|name| plain("string", name, false)).collect::<Vec<_>>();
    let mut source = texts(&["version", "connector", "name"]);
    source.push(plain("int64", "ts_ms", false));
    source.extend(texts(&["db", "table"]));
    let block =
        [plain("string", "id", false), plain("int64", "total_order", false), plain("int64", "data_collection_order", false)];
    serde_json::json!({
        "type": "struct",
        "fields": [
            row("before"),
            row("after"),
            { "type": "struct", "fields": source, "optional": false, "name": "io.debezium.connector.thyme.Source", "field": "source" },
            { "type": "struct", "fields": block, "optional": true, "name": "event.block", "version": 1, "field": "transaction" },
            plain("string", "op", false),
            plain("int64", "ts_ms", true),
        ],
        "optional": false,
        "name": format!("{name}.Envelope"),
        "version": 2
    })
}
