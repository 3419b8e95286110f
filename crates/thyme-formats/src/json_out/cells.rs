//! The cells of a column, written one at a time.
use thyme_core::Result;
use thyme_core::arrow::array::{Array, ArrayRef};
use thyme_core::arrow::buffer::NullBuffer;
use thyme_core::arrow::datatypes::Field;

use super::buffer::{self, Buf, Ready, Stop};
use super::view::{self, Values};
use super::{JsonWriteOptions, NonFinite, Nulls, Numbers, moment, number, string};

/// The cells of a column of one batch.
pub(crate) struct Cells<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
}

/// `,"name":`
pub(super) fn key(name: &str) -> Ready {
    let mut out = vec![0; name.len() * 6 + 64];
    // The buffer is large enough for a name of nothing but escapes.
    let written = buffer::byte(&mut out, 0, b',')
        .and_then(|at| string::string(&mut out, at, name.as_bytes(), 0, name.len()))
        .and_then(|at| buffer::byte(&mut out, at, b':'))
        .unwrap_or(0);
    out.truncate(written);
    Ready::new(&out)
}

impl<'a> Cells<'a> {
    pub(crate) fn new(field: &Field, array: &'a ArrayRef) -> Result<Self> {
        let (values, nulls) = view::of(field, array)?;
        Ok(Self { values, nulls: nulls.filter(|nulls| nulls.null_count() > 0) })
    }

    /// The values, those of null cells among them.
    #[inline(always)]
    pub(crate) fn values(&self) -> &Values<'a> {
        &self.values
    }

    #[inline(always)]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        match self.nulls {
            None => matches!(self.values, Values::Null),
            Some(nulls) => row < nulls.len() && nulls.is_null(row),
        }
    }

    /// The text of a cell that is one, and all that is around it.
    #[inline(always)]
    pub(crate) fn text(&self, row: usize) -> Option<&'a [u8]> {
        match &self.values {
            Values::Text(offsets, bytes) | Values::Json(offsets, bytes) => bytes.get(range(offsets, row)?),
            Values::LongText(offsets, bytes) => bytes.get(long_range(offsets, row)?),
            Values::TextView(array) => (row < array.len()).then(|| array.value(row).as_bytes()),
            _ => None,
        }
    }

    /// Whether a cell is written in quotes that are no part of it, without escapes.
    pub(crate) fn is_in_quotes(&self) -> bool {
        use Values::{Bytes, Date, Decimal128, Decimal256, Float32, Float64, Interval, Micros, Nanos, Time, Uuid};
        matches!(
            self.values,
            Decimal128(..)
                | Decimal256(..)
                | Date(_)
                | Time(_)
                | Micros(..)
                | Nanos(..)
                | Interval(_)
                | Uuid(_)
                | Bytes(..)
                | Float32(_)
                | Float64(_)
        )
    }

    /// Writes the cell of a row, `null` if it is that.
    #[inline(always)]
    pub(crate) fn write(&self, row: usize, out: &mut Buf, at: usize, options: &JsonWriteOptions) -> Result<usize, Stop> {
        if self.is_null(row) { buffer::block(out, at, b"null    ", 4) } else { self.value(row, out, at, options) }
    }

    /// Writes the cell of a row that is not NULL.
    #[inline(always)]
    pub(super) fn value(&self, row: usize, out: &mut Buf, at: usize, options: &JsonWriteOptions) -> Result<usize, Stop> {
        match &self.values {
            Values::Int64(v) => {
                if options.int64 == Numbers::Number {
                    return number::signed(out, at, one(v, row)?);
                }
                let at = buffer::byte(out, at, b'"')?;
                let at = number::signed(out, at, one(v, row)?)?;
                buffer::byte(out, at, b'"')
            }
            Values::Text(offsets, bytes) => {
                let range = range(offsets, row).ok_or(MISSING)?;
                string::string(out, at, bytes, range.start, range.end)
            }
            Values::Float64(v) => {
                let value: f64 = one(v, row)?;
                if value.is_finite() { number::float(out, at, value) } else { non_finite(out, at, value, options) }
            }
            Values::Micros(v, local) => moment::micros(out, at, one(v, row)?, *local),
            Values::Bool(v) if row < v.len() => {
                if v.value(row) {
                    buffer::block(out, at, b"true    ", 4)
                } else {
                    buffer::block(out, at, b"false   ", 5)
                }
            }
            Values::Int32(v) => number::signed(out, at, one(v, row)?.into()),
            Values::Date(v) => moment::date(out, at, one(v, row)?),
            Values::Decimal128(v, scale) => {
                if options.decimals == Numbers::Number {
                    return number::decimal128(out, at, one(v, row)?, *scale);
                }
                let at = buffer::byte(out, at, b'"')?;
                let at = number::decimal128(out, at, one(v, row)?, *scale)?;
                buffer::byte(out, at, b'"')
            }
            _ => self.rarer(row, out, at, options),
        }
    }

    #[inline(never)]
    fn rarer(&self, row: usize, out: &mut Buf, at: usize, options: &JsonWriteOptions) -> Result<usize, Stop> {
        match &self.values {
            Values::Int8(v) => number::signed(out, at, one(v, row)?.into()),
            Values::Int16(v) => number::signed(out, at, one(v, row)?.into()),
            Values::UInt8(v) => number::unsigned(out, at, one(v, row)?.into()),
            Values::UInt16(v) => number::unsigned(out, at, one(v, row)?.into()),
            Values::UInt32(v) => number::unsigned(out, at, one(v, row)?.into()),
            Values::UInt64(v) => quoted(out, at, options.int64, |out, at| number::unsigned(out, at, one(v, row)?)),
            Values::Float32(v) => {
                let value: f32 = one(v, row)?;
                if value.is_finite() { number::float(out, at, value) } else { non_finite(out, at, value.into(), options) }
            }
            Values::Decimal256(v, scale) => {
                quoted(out, at, options.decimals, |out, at| number::decimal256(out, at, one(v, row)?, *scale))
            }
            Values::Time(v) => moment::time(out, at, one(v, row)?),
            Values::Nanos(v, local) => moment::nanos(out, at, one(v, row)?, *local),
            Values::Interval(v) => moment::interval(out, at, one(v, row)?),
            Values::Uuid(v) if row < v.len() => string::uuid(out, at, v.value(row).try_into().map_err(|_| MISSING)?),
            Values::Bytes(offsets, bytes) => {
                string::base64(out, at, range(offsets, row).and_then(|range| bytes.get(range)).ok_or(MISSING)?)
            }
            Values::Json(..) => string::raw(out, at, self.text(row).ok_or(MISSING)?),
            Values::LongText(offsets, bytes) => {
                let range = long_range(offsets, row).ok_or(MISSING)?;
                string::string(out, at, bytes, range.start, range.end)
            }
            Values::TextView(_) => {
                let text = self.text(row).ok_or(MISSING)?;
                string::string(out, at, text, 0, text.len())
            }
            Values::List(offsets, elements) => {
                // Commas come before elements, so the first one is where the bracket goes.
                let mut end = at;
                for i in range(offsets, row).ok_or(MISSING)? {
                    end = buffer::byte(out, end, b',')?;
                    end = elements.write(i, out, end, options)?;
                }
                brackets(out, at, end, *b"[]")
            }
            Values::Struct(fields) => object(fields.iter().map(|(key, cells)| (key, cells)), row, out, at, options),
            Values::Map(offsets, keys, values) => {
                let mut end = at;
                for i in range(offsets, row).ok_or(MISSING)? {
                    end = buffer::byte(out, end, b',')?;
                    end = keys.as_key(i, out, end)?;
                    end = buffer::byte(out, end, b':')?;
                    end = values.write(i, out, end, options)?;
                }
                brackets(out, at, end, *b"{}")
            }
            _ => Err(MISSING),
        }
    }

    /// Writes a cell as the key of an object, in quotes whatever its type.
    fn as_key(&self, row: usize, out: &mut Buf, at: usize) -> Result<usize, Stop> {
        let options = JsonWriteOptions { non_finite: NonFinite::String, int64: Numbers::Number, ..JsonWriteOptions::default() };
        if self.is_null(row) || matches!(self.values, Values::List(..) | Values::Struct(_) | Values::Map(..)) {
            return Err(Stop::Bad("a map has a key that is no simple value"));
        }
        if let Some(text) = self.text(row) {
            return string::string(out, at, text, 0, text.len());
        }
        let end = self.value(row, out, at + 1, &options)?;
        // Either the value brought its quotes, one byte too far, or it needs some.
        if out.get(at + 1) == Some(&b'"') {
            out.copy_within(at + 1..end, at);
            return Ok(end - 1);
        }
        buffer::byte(out, at, b'"')?;
        buffer::byte(out, end, b'"')
    }
}

/// Writes an object of a row: keys and cells.
#[inline(always)]
pub(super) fn object<'a, 'b: 'a>(
    fields: impl Iterator<Item = (&'a Ready, &'a Cells<'b>)>,
    row: usize,
    out: &mut Buf,
    at: usize,
    options: &JsonWriteOptions,
) -> Result<usize, Stop> {
    let mut end = at;
    for (key, cells) in fields {
        if cells.is_null(row) {
            if options.nulls == Nulls::Write {
                end = key.write(out, end)?;
                end = buffer::block(out, end, b"null    ", 4)?;
            }
            continue;
        }
        end = key.write(out, end)?;
        end = cells.value(row, out, end, options)?;
    }
    brackets(out, at, end, *b"{}")
}

/// Puts `open` over the first comma and `close` behind.
#[inline(always)]
fn brackets(out: &mut Buf, at: usize, end: usize, [open, close]: [u8; 2]) -> Result<usize, Stop> {
    buffer::byte(out, at, open)?;
    buffer::byte(out, end.max(at + 1), close)
}

/// What cannot be: an array shorter than its batch.
const MISSING: Stop = Stop::Bad("the value is missing");

#[inline(always)]
fn one<T: Copy>(values: &[T], row: usize) -> Result<T, Stop> {
    values.get(row).copied().ok_or(MISSING)
}

#[inline(always)]
fn range(offsets: &[i32], row: usize) -> Option<std::ops::Range<usize>> {
    let [from, to] = offsets.get(row..)?.first_chunk()?;
    Some(*from as usize..*to as usize)
}

fn long_range(offsets: &[i64], row: usize) -> Option<std::ops::Range<usize>> {
    let [from, to] = offsets.get(row..)?.first_chunk()?;
    Some(*from as usize..*to as usize)
}

#[cold]
fn non_finite(out: &mut Buf, at: usize, value: f64, options: &JsonWriteOptions) -> Result<usize, Stop> {
    match options.non_finite {
        NonFinite::Reject if value.is_nan() => Err(Stop::Bad("NaN has no json form")),
        NonFinite::Reject => Err(Stop::Bad("an infinity has no json form")),
        NonFinite::Null => buffer::bytes(out, at, b"null"),
        NonFinite::String if value.is_nan() => buffer::bytes(out, at, b"\"NaN\""),
        NonFinite::String if value > 0.0 => buffer::bytes(out, at, b"\"Infinity\""),
        NonFinite::String => buffer::bytes(out, at, b"\"-Infinity\""),
    }
}

fn quoted(out: &mut Buf, at: usize, as_: Numbers, write: impl Fn(&mut Buf, usize) -> Result<usize, Stop>) -> Result<usize, Stop> {
    if as_ == Numbers::Number {
        return write(out, at);
    }
    let at = buffer::byte(out, at, b'"')?;
    let at = write(out, at)?;
    buffer::byte(out, at, b'"')
}
