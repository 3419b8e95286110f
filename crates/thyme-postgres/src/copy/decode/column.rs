//! A column that is being filled, and how its values are read.
use std::sync::Arc;

use thyme_core::arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, TimestampNanosecondType, UInt32Type,
};
use thyme_core::arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, PrimitiveArray};
use thyme_core::arrow::buffer::{BooleanBuffer, Buffer, IntervalMonthDayNano, ScalarBuffer, i256};
use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use thyme_core::{Error, Kind, Result};

use super::list::List;
use super::scalar::{self, Fixed, fixed};
use super::var::Var;
use super::{Fault, net, numeric, time};
use crate::types::PgType;

/// A column that is being filled: what is on the wire and what becomes of it.
#[derive(Debug)]
pub(super) enum Column {
    Bool(Fixed<bool>),
    Int2(Fixed<i16>),
    Int4(Fixed<i32>),
    Int8(Fixed<i64>),
    Oid(Fixed<u32>),
    Float4(Fixed<f32>),
    Float8(Fixed<f64>),
    Date(Fixed<i32>),
    Time(Fixed<i64>),
    Micros(Fixed<i64>),
    Nanos(Fixed<i64>),
    Interval(Fixed<IntervalMonthDayNano>),
    Uuid(Fixed<[u8; 16]>),
    Decimal128 { values: Fixed<i128>, scale: i8, limit: i128 },
    Decimal256 { values: Box<Fixed<i256>>, scale: i8, limit: i256 },
    Bytes(Var),
    Text(Var),
    Jsonb(Var),
    Numeric(Var),
    TimeTz(Var),
    Inet(Var),
    List(List),
}

impl Column {
    /// `None` where there is no such decoder.
    pub(super) fn new(ty: &PgType, field: &Field) -> Option<Self> {
        use DataType as A;
        use PgType as P;
        Some(match (ty, field.data_type()) {
            (P::Bool, A::Boolean) => Self::Bool(Fixed::new()),
            (P::Int2, A::Int16) => Self::Int2(Fixed::new()),
            (P::Int4, A::Int32) => Self::Int4(Fixed::new()),
            (P::Int8, A::Int64) => Self::Int8(Fixed::new()),
            (P::Oid, A::UInt32) => Self::Oid(Fixed::new()),
            (P::Float4, A::Float32) => Self::Float4(Fixed::new()),
            (P::Float8, A::Float64) => Self::Float8(Fixed::new()),
            (P::Date, A::Date32) => Self::Date(Fixed::new()),
            (P::Time, A::Time64(TimeUnit::Microsecond)) => Self::Time(Fixed::new()),
            (P::Timestamp | P::TimestampTz, A::Timestamp(TimeUnit::Microsecond, _)) => Self::Micros(Fixed::new()),
            (P::Timestamp | P::TimestampTz, A::Timestamp(TimeUnit::Nanosecond, _)) => Self::Nanos(Fixed::new()),
            (P::Interval, A::Interval(IntervalUnit::MonthDayNano)) => Self::Interval(Fixed::new()),
            (P::Uuid, A::FixedSizeBinary(16)) => Self::Uuid(Fixed::new()),
            (P::Numeric(_), A::Decimal128(precision, scale)) => {
                let limit = 10i128.checked_pow(u32::from(*precision))?;
                Self::Decimal128 { values: Fixed::new(), scale: *scale, limit }
            }
            (P::Numeric(_), A::Decimal256(precision, scale)) => {
                let limit = i256::from_i128(10).checked_pow(u32::from(*precision))?;
                Self::Decimal256 { values: Box::new(Fixed::new()), scale: *scale, limit }
            }
            (P::Bytea, A::Binary) => Self::Bytes(Var::new()),
            (P::Text | P::Json, A::Utf8) => Self::Text(Var::new()),
            (P::Jsonb, A::Utf8) => Self::Jsonb(Var::new()),
            (P::Numeric(_), A::Utf8) => Self::Numeric(Var::new()),
            (P::TimeTz, A::Utf8) => Self::TimeTz(Var::new()),
            (P::Inet | P::Cidr, A::Utf8) => Self::Inet(Var::new()),
            (P::Array(element, _), A::List(item)) => {
                let inner = if matches!(item.data_type(), A::List(_)) { ty } else { element };
                Self::List(List::new(Self::new(inner, item)?))
            }
            _ => return None,
        })
    }

    /// Adds a value. One that is refused leaves a NULL.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Bool(values) => values.put(scalar::bool(bytes)),
            Self::Int2(values) => values.put(fixed(bytes).map(i16::from_be_bytes)),
            Self::Int4(values) => values.put(fixed(bytes).map(i32::from_be_bytes)),
            Self::Int8(values) => values.put(fixed(bytes).map(i64::from_be_bytes)),
            Self::Oid(values) => values.put(fixed(bytes).map(u32::from_be_bytes)),
            Self::Float4(values) => values.put(fixed(bytes).map(f32::from_be_bytes)),
            Self::Float8(values) => values.put(fixed(bytes).map(f64::from_be_bytes)),
            Self::Date(values) => values.put(time::date(bytes)),
            Self::Time(values) => values.put(time::time(bytes)),
            Self::Micros(values) => values.put(time::timestamp(bytes, false)),
            Self::Nanos(values) => values.put(time::timestamp(bytes, true)),
            Self::Interval(values) => values.put(time::interval(bytes)),
            Self::Uuid(values) => values.put(fixed(bytes)),
            Self::Decimal128 { values, scale, limit } => values.put(numeric::decimal(bytes, *scale, *limit)),
            Self::Decimal256 { values, scale, limit } => values.put(numeric::decimal(bytes, *scale, *limit)),
            Self::Bytes(values) | Self::Text(values) => values.push(bytes),
            Self::Jsonb(values) => match bytes.split_first() {
                Some((1, text)) => values.push(text),
                _ => Err(Fault::Broken("a jsonb of another version")),
            },
            Self::Numeric(values) => values.write(|out| numeric::text(bytes, out)),
            Self::TimeTz(values) => values.write(|out| time::timetz(bytes, out)),
            Self::Inet(values) => values.write(|out| net::inet(bytes, out)),
            Self::List(list) => list.push(bytes),
        }
    }

    #[inline]
    pub(super) fn null(&mut self) {
        match self {
            Self::Bool(values) => values.null(),
            Self::Int2(values) => values.null(),
            Self::Int4(values) | Self::Date(values) => values.null(),
            Self::Int8(values) | Self::Time(values) | Self::Micros(values) | Self::Nanos(values) => values.null(),
            Self::Oid(values) => values.null(),
            Self::Float4(values) => values.null(),
            Self::Float8(values) => values.null(),
            Self::Interval(values) => values.null(),
            Self::Uuid(values) => values.null(),
            Self::Decimal128 { values, .. } => values.null(),
            Self::Decimal256 { values, .. } => values.null(),
            Self::Bytes(values) | Self::Text(values) | Self::Jsonb(values) => values.null(),
            Self::Numeric(values) | Self::TimeTz(values) | Self::Inet(values) => values.null(),
            Self::List(list) => list.null(),
        }
    }

    /// Values so far.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::Int2(values) => values.len(),
            Self::Int4(values) | Self::Date(values) => values.len(),
            Self::Int8(values) | Self::Time(values) | Self::Micros(values) | Self::Nanos(values) => values.len(),
            Self::Oid(values) => values.len(),
            Self::Float4(values) => values.len(),
            Self::Float8(values) => values.len(),
            Self::Interval(values) => values.len(),
            Self::Uuid(values) => values.len(),
            Self::Decimal128 { values, .. } => values.len(),
            Self::Decimal256 { values, .. } => values.len(),
            Self::Bytes(values) | Self::Text(values) | Self::Jsonb(values) => values.len(),
            Self::Numeric(values) | Self::TimeTz(values) | Self::Inet(values) => values.len(),
            Self::List(list) => list.len(),
        }
    }

    /// The values as an array of `field`, and which of them are NULL now because their text was not UTF-8.
    pub(super) fn finish(&mut self, field: &Field) -> Result<(ArrayRef, Vec<usize>)> {
        let array: ArrayRef = match self {
            Self::Bool(values) => {
                let (values, nulls) = values.finish();
                Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls))
            }
            Self::Int2(values) => primitive::<Int16Type>(values, field)?,
            Self::Int4(values) => primitive::<Int32Type>(values, field)?,
            Self::Int8(values) => primitive::<Int64Type>(values, field)?,
            Self::Oid(values) => primitive::<UInt32Type>(values, field)?,
            Self::Float4(values) => primitive::<Float32Type>(values, field)?,
            Self::Float8(values) => primitive::<Float64Type>(values, field)?,
            Self::Date(values) => primitive::<Date32Type>(values, field)?,
            Self::Time(values) => primitive::<Time64MicrosecondType>(values, field)?,
            Self::Micros(values) => primitive::<TimestampMicrosecondType>(values, field)?,
            Self::Nanos(values) => primitive::<TimestampNanosecondType>(values, field)?,
            Self::Interval(values) => primitive::<IntervalMonthDayNanoType>(values, field)?,
            Self::Decimal128 { values, .. } => primitive::<Decimal128Type>(values, field)?,
            Self::Decimal256 { values, .. } => primitive::<Decimal256Type>(values, field)?,
            Self::Uuid(values) => {
                let (values, nulls) = values.finish();
                let uuids = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(values.into_flattened()), nulls);
                Arc::new(uuids.map_err(unmade)?)
            }
            Self::Bytes(values) => values.binaries()?,
            Self::Text(values) | Self::Jsonb(values) | Self::Numeric(values) | Self::TimeTz(values) | Self::Inet(values) => {
                return values.texts();
            }
            Self::List(list) => return list.finish(field),
        };
        Ok((array, Vec::new()))
    }
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Fixed<T::Native>, field: &Field) -> Result<ArrayRef> {
    let (values, nulls) = values.finish();
    let array = PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), nulls).map_err(unmade)?;
    Ok(Arc::new(array.with_data_type(field.data_type().clone())))
}

fn unmade(error: thyme_core::arrow::datatypes::ArrowError) -> Error {
    Error::new(Kind::Unexpected, "the values do not make a column").source(error)
}
