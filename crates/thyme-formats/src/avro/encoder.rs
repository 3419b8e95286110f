//! Batches into messages.
use std::sync::Arc;

use thyme_core::arrow::array::{Array, RecordBatch};
use thyme_core::arrow::buffer::i256;
use thyme_core::arrow::datatypes::{DataType, Field, SchemaRef};
use thyme_core::{Error, Kind, Result};

use super::reader::long;
use super::schema_of::schema_of;
use crate::encode::BadRow;
use crate::json_out::{Cells, JsonWriteOptions, Values};
use crate::logical::twos_complement;
use crate::text::Fault;

const DEFECT: Fault = "a value that is not there";

/// Writes batches as Avro messages, one a row, by the schema that [`schema_of`] gives.
#[derive(Debug)]
pub struct AvroEncoder {
    schema: SchemaRef,
    frame: Option<[u8; 5]>,
}

impl AvroEncoder {
    /// An encoder for batches of `schema`, whose nullability counts: the batches' own does not. With the `id` that a registry
    /// gave the schema, its frame stands in front of each message.
    ///
    /// # Errors
    /// As [`schema_of`].
    pub fn new(schema: &SchemaRef, id: Option<u32>) -> Result<Self> {
        schema_of("check", schema)?;
        let frame = id.map(|id| {
            let [a, b, c, d] = id.to_be_bytes();
            [0, a, b, c, d]
        });
        Ok(Self { schema: Arc::clone(schema), frame })
    }

    /// Appends the rows of `batch` to `out`, and where each ends to `ends`. The rows that could not be written are returned, in
    /// order; they are empty.
    ///
    /// # Errors
    /// `Unexpected` when the columns of the batch are not those of the schema.
    pub fn encode(&self, batch: &RecordBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<Vec<BadRow>> {
        let fields = self.schema.fields();
        let same = fields.len() == batch.num_columns()
            && fields.iter().zip(batch.columns()).all(|(field, array)| field.data_type() == array.data_type());
        if !same {
            return Err(Error::new(Kind::Unexpected, "the batch does not have the columns the avro encoder was made for"));
        }
        let cells =
            fields.iter().zip(batch.columns()).map(|(field, array)| Cells::new(field, array)).collect::<Result<Vec<_>>>()?;
        let mut bad = Vec::new();
        for row in 0..batch.num_rows() {
            let start = out.len();
            out.extend(self.frame.iter().flatten());
            for (field, cells) in fields.iter().zip(&cells) {
                if let Err(fault) = cell(field, cells, row, out) {
                    out.truncate(start);
                    bad.push(BadRow { row, reason: format!("{fault} (field `{}`)", field.name()) });
                    break;
                }
            }
            ends.push(out.len());
        }
        Ok(bad)
    }
}

fn cell(field: &Field, cells: &Cells<'_>, row: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    match (cells.is_null(row), field.is_nullable()) {
        (true, true) => {
            out.push(0);
            return Ok(());
        }
        (true, false) => return Err("a value that must not be null is missing"),
        (false, true) => out.push(2),
        (false, false) => {}
    }
    match cells.values() {
        Values::Int64(v) | Values::Time(v) | Values::Micros(v, _) | Values::Nanos(v, _) => long(one(v, row)?, out),
        Values::Int32(v) | Values::Date(v) => long(one(v, row)?.into(), out),
        Values::Int16(v) => long(one(v, row)?.into(), out),
        Values::Int8(v) => long(one(v, row)?.into(), out),
        Values::UInt8(v) => long(one(v, row)?.into(), out),
        Values::UInt16(v) => long(one(v, row)?.into(), out),
        Values::UInt32(v) => long(one(v, row)?.into(), out),
        Values::UInt64(v) => unscaled(i256::from_i128(one(v, row)?.into()), out),
        Values::Decimal128(v, _) => unscaled(i256::from_i128(one(v, row)?), out),
        Values::Decimal256(v, _) => unscaled(one(v, row)?, out),
        Values::Float32(v) => out.extend_from_slice(&one(v, row)?.to_le_bytes()),
        Values::Float64(v) => out.extend_from_slice(&one(v, row)?.to_le_bytes()),
        Values::Bool(v) if row < v.len() => out.push(u8::from(v.value(row))),
        Values::Bytes(offsets, v) => bytes(v.get(range(offsets, row).ok_or(DEFECT)?).ok_or(DEFECT)?, out),
        Values::Uuid(_) | Values::Interval(_) => {
            let mut text = [0; 128];
            let end = cells.write(row, &mut text, 0, &JsonWriteOptions::default()).map_err(|_| "a value that has no text")?;
            bytes(text.get(1..end.saturating_sub(1)).ok_or(DEFECT)?, out);
        }
        Values::List(offsets, items) => {
            let DataType::List(item) = field.data_type() else { return Err(DEFECT) };
            let range = range(offsets, row).ok_or(DEFECT)?;
            block(range.len(), out);
            for i in range.clone() {
                cell(item, items, i, out)?;
            }
            if !range.is_empty() {
                out.push(0);
            }
        }
        Values::Map(offsets, keys, values) => {
            let DataType::Map(entries, _) = field.data_type() else { return Err(DEFECT) };
            let DataType::Struct(pair) = entries.data_type() else { return Err(DEFECT) };
            let range = range(offsets, row).ok_or(DEFECT)?;
            block(range.len(), out);
            for i in range.clone() {
                bytes(keys.text(i).ok_or(DEFECT)?, out);
                cell(pair.get(1).ok_or(DEFECT)?, values, i, out)?;
            }
            if !range.is_empty() {
                out.push(0);
            }
        }
        Values::Struct(members) => {
            let DataType::Struct(fields) = field.data_type() else { return Err(DEFECT) };
            for (field, (_, cells)) in fields.iter().zip(members) {
                cell(field, cells, row, out)?;
            }
        }
        _ => bytes(cells.text(row).ok_or(DEFECT)?, out),
    }
    Ok(())
}

#[inline(always)]
fn one<T: Copy>(values: &[T], row: usize) -> Result<T, Fault> {
    values.get(row).copied().ok_or(DEFECT)
}

fn range(offsets: &[i32], row: usize) -> Option<std::ops::Range<usize>> {
    let [start, end] = *offsets.get(row..)?.first_chunk::<2>()?;
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn unscaled(value: i256, out: &mut Vec<u8>) {
    let (digits, start) = twos_complement(value);
    bytes(digits.get(start..).unwrap_or_default(), out);
}

/// The items of an array or map in one block; without any, its end.
fn block(items: usize, out: &mut Vec<u8>) {
    long(items as i64, out);
}
