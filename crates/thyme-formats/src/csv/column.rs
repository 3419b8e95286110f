//! A column that fields go into.
mod finish;
mod plain;

use std::sync::Arc;

use thyme_core::arrow::buffer::{IntervalMonthDayNano, i256};
use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use thyme_core::{Error, Kind, Result};

use crate::TimestampUnit;
use crate::json;
use crate::text::{Fault, base64, boolean, date, decimal, float, integer, interval, time, timestamp, uuid};

/// The values of a column so far.
#[derive(Debug)]
enum Values {
    /// A column of the file that the schema does not have.
    Skip,
    Null(usize),
    Bool(Vec<bool>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    UInt8(Vec<u8>),
    UInt16(Vec<u16>),
    UInt32(Vec<u32>),
    UInt64(Vec<u64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal128(Vec<i128>, Fixed),
    Decimal256(Vec<i256>, u8, i8),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Timestamp(Vec<i64>, Stamp),
    Interval(Vec<IntervalMonthDayNano>),
    Uuid(Vec<[u8; 16]>),
    /// Text, JSON text and bytes: where each value ends, and the values.
    Bytes(Vec<usize>, Vec<u8>, Bytes),
}

/// What a timestamp column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    nanos: bool,
    local: bool,
    unit: TimestampUnit,
}

/// How many digits a decimal column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fixed {
    precision: u8,
    scale: i8,
    /// The first number that is too large: `10^precision`.
    limit: i128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bytes {
    Text,
    Json,
    Base64,
}

/// A column being filled, one field a row.
#[derive(Debug)]
pub(super) struct Column {
    values: Values,
    /// The rows that are NULL, in order.
    nulls: Vec<usize>,
    data_type: DataType,
    name: String,
    /// What a bare field must be to be NULL.
    null: Arc<[u8]>,
    quote: u8,
    /// The escape, or the quote again.
    second: u8,
    delimiter: u8,
}

/// Whether a field's type says that it is JSON text.
fn is_json(field: &Field) -> bool {
    field.extension_type_name() == Some("arrow.json")
}

impl Column {
    pub(super) fn new(field: &Field, options: &super::CsvOptions, null: Arc<[u8]>) -> Result<Self> {
        let unit = options.timestamp_unit;
        let values = match field.data_type() {
            DataType::Null => Values::Null(0),
            DataType::Boolean => Values::Bool(Vec::new()),
            DataType::Int8 => Values::Int8(Vec::new()),
            DataType::Int16 => Values::Int16(Vec::new()),
            DataType::Int32 => Values::Int32(Vec::new()),
            DataType::Int64 => Values::Int64(Vec::new()),
            DataType::UInt8 => Values::UInt8(Vec::new()),
            DataType::UInt16 => Values::UInt16(Vec::new()),
            DataType::UInt32 => Values::UInt32(Vec::new()),
            DataType::UInt64 => Values::UInt64(Vec::new()),
            DataType::Float32 => Values::Float32(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Decimal128(precision, scale) => {
                let limit = 10i128.checked_pow((*precision).into()).unwrap_or(i128::MAX);
                Values::Decimal128(Vec::new(), Fixed { precision: *precision, scale: *scale, limit })
            }
            DataType::Decimal256(precision, scale) => Values::Decimal256(Vec::new(), *precision, *scale),
            DataType::Date32 => Values::Date(Vec::new()),
            DataType::Time64(TimeUnit::Microsecond) => Values::Time(Vec::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Values::Timestamp(Vec::new(), Stamp { nanos: false, local: zone.is_none(), unit })
            }
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                Values::Timestamp(Vec::new(), Stamp { nanos: true, local: zone.is_none(), unit })
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => Values::Interval(Vec::new()),
            DataType::FixedSizeBinary(16) => Values::Uuid(Vec::new()),
            DataType::Utf8 | DataType::LargeUtf8 if is_json(field) => Values::Bytes(Vec::new(), Vec::new(), Bytes::Json),
            DataType::Utf8 | DataType::LargeUtf8 => Values::Bytes(Vec::new(), Vec::new(), Bytes::Text),
            DataType::Binary => Values::Bytes(Vec::new(), Vec::new(), Bytes::Base64),
            other => {
                let message = format!("a csv column cannot be read as {other}: declare `{}` as json or string", field.name());
                return Err(Error::new(Kind::Unsupported, message));
            }
        };
        Ok(Self::of(values, field.data_type().clone(), field.name(), null, options))
    }

    /// A column whose fields are left out.
    pub(super) fn skip(name: &str, options: &super::CsvOptions) -> Self {
        Self::of(Values::Skip, DataType::Null, name, [].into(), options)
    }

    fn of(values: Values, data_type: DataType, name: &str, null: Arc<[u8]>, options: &super::CsvOptions) -> Self {
        let (quote, delimiter) = (options.quote, options.delimiter);
        let second = options.escape.unwrap_or(quote);
        Self { values, nulls: Vec::new(), data_type, name: name.to_owned(), null, quote, second, delimiter }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the column takes, with its article: "an int64".
    pub(super) fn wants(&self) -> String {
        match &self.data_type {
            DataType::Boolean => "a bool".into(),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => format!("an {}", lower(&self.data_type)),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => format!("a {}", lower(&self.data_type)),
            DataType::Float32 | DataType::Float64 => format!("a {}", lower(&self.data_type)),
            DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => format!("a decimal({p},{s})"),
            DataType::Date32 => "a date".into(),
            DataType::Time64(_) => "a time".into(),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => "a timestamp_ns".into(),
            DataType::Timestamp(_, None) => "a timestamp_ntz".into(),
            DataType::Timestamp(..) => "a timestamp".into(),
            DataType::Interval(_) => "an interval".into(),
            DataType::FixedSizeBinary(_) => "a uuid".into(),
            DataType::Binary => "bytes as base64".into(),
            DataType::Null => "nothing".into(),
            _ if matches!(self.values, Values::Bytes(_, _, Bytes::Json)) => "json".into(),
            _ => "a string".into(),
        }
    }

    /// Takes a field that was cut out.
    pub(super) fn set(&mut self, text: &[u8], quoted: bool) -> Result<(), Fault> {
        if !quoted && *text == *self.null {
            self.push_null();
            return Ok(());
        }
        match &mut self.values {
            Values::Skip => {}
            Values::Null(_) => return Err("the column has no type but null"),
            Values::Bool(v) => v.push(boolean::parse(text)?),
            Values::Int8(v) => v.push(narrow(integer::signed(text)?)?),
            Values::Int16(v) => v.push(narrow(integer::signed(text)?)?),
            Values::Int32(v) => v.push(narrow(integer::signed(text)?)?),
            Values::Int64(v) => v.push(integer::signed(text)?),
            Values::UInt8(v) => v.push(narrow(integer::unsigned(text)?)?),
            Values::UInt16(v) => v.push(narrow(integer::unsigned(text)?)?),
            Values::UInt32(v) => v.push(narrow(integer::unsigned(text)?)?),
            Values::UInt64(v) => v.push(integer::unsigned(text)?),
            Values::Float32(v) => v.push(float::single(text)?),
            Values::Float64(v) => v.push(float::double(text)?),
            Values::Decimal128(v, fixed) => v.push(decimal::decimal128(text, fixed.precision, fixed.scale)?),
            Values::Decimal256(v, precision, scale) => v.push(decimal::decimal256(text, *precision, *scale)?),
            Values::Date(v) => v.push(date::parse(text)?),
            Values::Time(v) => v.push(time::parse(text)?),
            Values::Timestamp(v, stamp) => v.push(stamp.parse(text)?),
            Values::Interval(v) => v.push(interval::parse(text)?),
            Values::Uuid(v) => v.push(uuid::parse(text)?),
            Values::Bytes(ends, bytes, kind) => {
                match kind {
                    Bytes::Text => bytes.extend_from_slice(text),
                    Bytes::Base64 => base64::decode(text, bytes)?,
                    Bytes::Json if json::is_value(text) => bytes.extend_from_slice(text),
                    Bytes::Json => return Err("not json"),
                }
                ends.push(bytes.len());
            }
        }
        Ok(())
    }

    pub(super) fn push_null(&mut self) {
        let row = match &mut self.values {
            Values::Skip => return,
            Values::Null(rows) => {
                *rows += 1;
                return;
            }
            Values::Bool(v) => push(v),
            Values::Int8(v) => push(v),
            Values::Int16(v) => push(v),
            Values::Int32(v) => push(v),
            Values::Int64(v) => push(v),
            Values::UInt8(v) => push(v),
            Values::UInt16(v) => push(v),
            Values::UInt32(v) => push(v),
            Values::UInt64(v) => push(v),
            Values::Float32(v) => push(v),
            Values::Float64(v) => push(v),
            Values::Decimal128(v, ..) => push(v),
            Values::Decimal256(v, ..) => push(v),
            Values::Date(v) => push(v),
            Values::Time(v) => push(v),
            Values::Timestamp(v, _) => push(v),
            Values::Interval(v) => push(v),
            Values::Uuid(v) => push(v),
            Values::Bytes(ends, bytes, _) => {
                ends.push(bytes.len());
                ends.len() - 1
            }
        };
        self.nulls.push(row);
    }

    /// Forgets the rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: usize) {
        while self.nulls.last().is_some_and(|row| *row >= rows) {
            self.nulls.pop();
        }
        match &mut self.values {
            Values::Skip => {}
            Values::Null(count) => *count = rows,
            Values::Bool(v) => v.truncate(rows),
            Values::Int8(v) => v.truncate(rows),
            Values::Int16(v) => v.truncate(rows),
            Values::Int32(v) => v.truncate(rows),
            Values::Int64(v) => v.truncate(rows),
            Values::UInt8(v) => v.truncate(rows),
            Values::UInt16(v) => v.truncate(rows),
            Values::UInt32(v) => v.truncate(rows),
            Values::UInt64(v) => v.truncate(rows),
            Values::Float32(v) => v.truncate(rows),
            Values::Float64(v) => v.truncate(rows),
            Values::Decimal128(v, ..) => v.truncate(rows),
            Values::Decimal256(v, ..) => v.truncate(rows),
            Values::Date(v) => v.truncate(rows),
            Values::Time(v) => v.truncate(rows),
            Values::Timestamp(v, _) => v.truncate(rows),
            Values::Interval(v) => v.truncate(rows),
            Values::Uuid(v) => v.truncate(rows),
            Values::Bytes(ends, bytes, _) => {
                ends.truncate(rows);
                bytes.truncate(ends.last().copied().unwrap_or(0));
            }
        }
    }
}

impl Stamp {
    fn parse(self, text: &[u8]) -> Result<i64, Fault> {
        // A number has a point, an exponent or nothing but digits; a timestamp has a hyphen behind its year.
        let number = text.get(4) != Some(&b'-') && text.iter().all(|b| b.is_ascii_digit() || b"+-.eE".contains(b));
        match (number, self.nanos, self.local) {
            (true, false, _) => timestamp::number_micros(text, self.unit),
            (true, true, _) => timestamp::number_nanos(text, self.unit),
            (false, false, false) => timestamp::micros(text),
            (false, true, false) => timestamp::nanos(text),
            (false, false, true) => timestamp::local_micros(text),
            (false, true, true) => timestamp::local_nanos(text),
        }
    }
}

fn push<T: Default>(values: &mut Vec<T>) -> usize {
    values.push(T::default());
    values.len() - 1
}

fn narrow<T: TryFrom<S>, S>(value: S) -> Result<T, Fault> {
    T::try_from(value).map_err(|_| "beyond the range of the type")
}

fn lower(data_type: &DataType) -> String {
    data_type.to_string().to_ascii_lowercase()
}
