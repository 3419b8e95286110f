//! One column: values pushed as they are read, nulls noted beside, both taken back when the record turns out bad.
use std::sync::Arc;

use thyme_core::arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use thyme_core::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, TimestampMicrosecondArray,
    TimestampNanosecondArray,
};
use thyme_core::arrow::buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use thyme_core::arrow::datatypes::{ArrowError, Fields};
use thyme_core::{Error, Kind, Result};

use super::decimal::Decimals;
use super::input::{Failed, Input, Reason, Step};
use super::instant::Instants;
use super::nested::{List, Map};
use super::nulls::Nulls;
use super::object::Object;
use super::skip;
use super::varying::Varying;
use super::{nested, scalar, texts};
use crate::raw::strings;
use crate::text::{date, interval, time, uuid};

/// The values of one field.
#[derive(Debug)]
pub(crate) struct Column {
    values: Values,
    nulls: Nulls,
    /// Null is a fault.
    required: bool,
}

/// The values by type, a slot for each row, null or not.
#[derive(Debug)]
pub(crate) enum Values {
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
    Text(Varying),
    Json(Varying, u32),
    Bytes(Varying),
    Uuid(Vec<[u8; 16]>),
    Decimal128(Decimals<i128>),
    Decimal256(Decimals<thyme_core::arrow::buffer::i256>),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Instant(Instants),
    Interval(Vec<thyme_core::arrow::buffer::IntervalMonthDayNano>),
    List(Box<List>),
    Map(Box<Map>),
    Struct(Box<Object>, Fields),
}

/// Does the same with the values of any type that are kept in one `Vec`.
macro_rules! each {
    ($self:expr, $v:ident => $plain:expr, $varying:ident => $text:expr, $object:ident => $struct:expr) => {
        match $self {
            Values::Bool($v) => $plain,
            Values::Int8($v) => $plain,
            Values::Int16($v) => $plain,
            Values::Int32($v) => $plain,
            Values::Int64($v) => $plain,
            Values::UInt8($v) => $plain,
            Values::UInt16($v) => $plain,
            Values::UInt32($v) => $plain,
            Values::UInt64($v) => $plain,
            Values::Float32($v) => $plain,
            Values::Float64($v) => $plain,
            Values::Uuid($v) => $plain,
            Values::Date($v) => $plain,
            Values::Time($v) => $plain,
            Values::Interval($v) => $plain,
            Values::Decimal128(Decimals { values: $v, .. }) => $plain,
            Values::Decimal256(Decimals { values: $v, .. }) => $plain,
            Values::Instant(Instants { values: $v, .. }) => $plain,
            Values::Text($varying) | Values::Json($varying, _) | Values::Bytes($varying) => $text,
            Values::List($object) => $struct,
            Values::Map($object) => $struct,
            Values::Struct($object, _) => $struct,
        }
    };
}

impl Column {
    pub(crate) fn new(values: Values, required: bool) -> Self {
        Self { values, nulls: Nulls::default(), required }
    }

    pub(crate) fn len(&self) -> usize {
        each!(&self.values, v => v.len(), text => text.len(), nested => nested.rows())
    }

    /// Goes back to `rows` values; nothing happens if there are no more.
    #[inline]
    pub(crate) fn truncate(&mut self, rows: usize) {
        each!(&mut self.values, v => v.truncate(rows), text => text.truncate(rows), nested => nested.truncate(rows));
        self.nulls.truncate(rows);
    }

    /// Whether the value of a row is null.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.get(row)
    }

    /// Whether a null is a fault.
    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// The values, to push one that was read elsewhere.
    #[inline(always)]
    pub(crate) fn values_mut(&mut self) -> &mut Values {
        &mut self.values
    }

    /// The values of a column of text.
    pub(crate) fn texts(&self) -> Option<&Varying> {
        match &self.values {
            Values::Text(values) => Some(values),
            _ => None,
        }
    }

    /// Makes room for about `rows` values.
    pub(crate) fn reserve(&mut self, rows: usize) {
        each!(&mut self.values, v => v.reserve(rows), text => text.reserve(rows), nested => nested.reserve(rows));
    }

    /// One value, from `pos` on. On failure there may be one too many, or none.
    #[inline(always)]
    pub(crate) fn read(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if input.byte(pos) == Some(b'n') {
            return self.read_null(input, pos);
        }
        match &mut self.values {
            Values::Int8(v) => scalar::int(v, input, pos, "an int8", "out of range for an int8"),
            Values::Int16(v) => scalar::int(v, input, pos, "an int16", "out of range for an int16"),
            Values::Int32(v) => scalar::int(v, input, pos, "an int32", "out of range for an int32"),
            Values::Int64(v) => scalar::int(v, input, pos, "an int64", "out of range for an int64"),
            Values::UInt8(v) => scalar::int(v, input, pos, "a uint8", "out of range for a uint8"),
            Values::UInt16(v) => scalar::int(v, input, pos, "a uint16", "out of range for a uint16"),
            Values::UInt32(v) => scalar::int(v, input, pos, "a uint32", "out of range for a uint32"),
            Values::UInt64(v) => scalar::int(v, input, pos, "a uint64", "out of range for a uint64"),
            Values::Bool(v) => scalar::boolean(v, input, pos),
            Values::Float32(v) => scalar::float32(v, input, pos),
            Values::Float64(v) => scalar::float64(v, input, pos),
            Values::Text(v) => v.text(input, pos),
            Values::Json(v, depth) => v.json(input, pos, *depth),
            Values::Bytes(v) => v.base64(input, pos),
            Values::Uuid(v) => texts::read(v, input, pos, "a UUID", uuid::parse),
            Values::Decimal128(v) => v.read(input, pos),
            Values::Decimal256(v) => v.read(input, pos),
            Values::Date(v) => texts::read(v, input, pos, "a date", date::parse),
            Values::Time(v) => texts::read(v, input, pos, "a time", time::parse),
            Values::Instant(v) => v.read(input, pos),
            Values::Interval(v) => texts::read(v, input, pos, "an interval", interval::parse),
            Values::List(v) => v.read(input, pos),
            Values::Map(v) => v.read(input, pos),
            Values::Struct(v, _) => v.read(input, pos, &mut false),
        }
    }

    #[inline(never)]
    fn read_null(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        let end = skip::literal(input, pos, b"null")?;
        self.null(input, pos)?;
        Ok(end)
    }

    /// A null, or a fault at `pos` if there must be none.
    pub(crate) fn null(&mut self, input: &mut Input<'_>, pos: usize) -> Result<(), Failed> {
        if self.required {
            return input.fail(pos, Reason::Because("a value that must not be null is missing"));
        }
        self.pad();
        Ok(())
    }

    /// A null, allowed or not: what contains it is null.
    pub(crate) fn pad(&mut self) {
        self.nulls.set(self.len());
        each!(&mut self.values, v => v.push(Default::default()), text => text.pad(), nested => nested.pad());
    }

    /// The values as an array of the type of the field, and an empty column.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        let rows = self.len();
        let nulls = self.nulls.take(rows);
        Ok(match &mut self.values {
            Values::Bool(v) => {
                let bits = BooleanBuffer::collect_bool(rows, |i| v.get(i).copied().unwrap_or_default());
                v.clear();
                Arc::new(BooleanArray::new(bits, nulls))
            }
            Values::Int8(v) => primitive::<Int8Type>(v, nulls),
            Values::Int16(v) => primitive::<Int16Type>(v, nulls),
            Values::Int32(v) => primitive::<Int32Type>(v, nulls),
            Values::Int64(v) => primitive::<Int64Type>(v, nulls),
            Values::UInt8(v) => primitive::<UInt8Type>(v, nulls),
            Values::UInt16(v) => primitive::<UInt16Type>(v, nulls),
            Values::UInt32(v) => primitive::<UInt32Type>(v, nulls),
            Values::UInt64(v) => primitive::<UInt64Type>(v, nulls),
            Values::Float32(v) => primitive::<Float32Type>(v, nulls),
            Values::Float64(v) => primitive::<Float64Type>(v, nulls),
            Values::Date(v) => primitive::<Date32Type>(v, nulls),
            Values::Time(v) => primitive::<Time64MicrosecondType>(v, nulls),
            Values::Interval(v) => primitive::<IntervalMonthDayNanoType>(v, nulls),
            Values::Decimal128(v) => {
                let array = PrimitiveArray::<Decimal128Type>::new(take(&mut v.values), nulls);
                Arc::new(array.with_precision_and_scale(v.precision, v.scale).map_err(broken)?)
            }
            Values::Decimal256(v) => {
                let array = PrimitiveArray::<Decimal256Type>::new(take(&mut v.values), nulls);
                Arc::new(array.with_precision_and_scale(v.precision, v.scale).map_err(broken)?)
            }
            Values::Instant(v) => {
                let values = take(&mut v.values);
                if v.nanos {
                    Arc::new(TimestampNanosecondArray::new(values, nulls).with_timezone_opt(v.zone.clone()))
                } else {
                    Arc::new(TimestampMicrosecondArray::new(values, nulls).with_timezone_opt(v.zone.clone()))
                }
            }
            Values::Text(v) | Values::Json(v, _) => {
                let (offsets, bytes) = v.take();
                Arc::new(strings::column(offsets, bytes, nulls).map_err(broken)?)
            }
            Values::Bytes(v) => {
                let (offsets, bytes) = v.take();
                Arc::new(BinaryArray::try_new(offsets, bytes, nulls).map_err(broken)?)
            }
            Values::Uuid(v) => {
                let bytes = Buffer::from_vec(std::mem::take(v).into_flattened());
                Arc::new(FixedSizeBinaryArray::try_new(16, bytes, nulls).map_err(broken)?)
            }
            Values::List(v) => v.finish(nulls)?,
            Values::Map(v) => v.finish(nulls)?,
            Values::Struct(v, fields) => nested::structure(v, fields, nulls)?,
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(take(values), nulls))
}

fn take<T: ArrowNativeType>(values: &mut Vec<T>) -> ScalarBuffer<T> {
    ScalarBuffer::from(std::mem::take(values))
}

/// What the columns were made into does not hold together: a defect of the scanner.
pub(crate) fn broken(error: ArrowError) -> Error {
    Error::new(Kind::Unexpected, "the JSON scanner made an invalid column").source(error)
}
