//! The arrays of a batch, seen as what they hold.
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use thyme_core::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, StringViewArray};
use thyme_core::arrow::buffer::{IntervalMonthDayNano, NullBuffer, i256};
use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use thyme_core::{Error, Kind, Result};

use super::buffer::Ready;

/// The values of an array.
pub(crate) enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    Date(&'a [i32]),
    Time(&'a [i64]),
    Micros(&'a [i64], bool),
    Nanos(&'a [i64], bool),
    Interval(&'a [IntervalMonthDayNano]),
    Uuid(&'a FixedSizeBinaryArray),
    Bytes(&'a [i32], &'a [u8]),
    Text(&'a [i32], &'a [u8]),
    LongText(&'a [i64], &'a [u8]),
    TextView(&'a StringViewArray),
    Json(&'a [i32], &'a [u8]),
    List(&'a [i32], Box<super::Cells<'a>>),
    Struct(Vec<(Ready, super::Cells<'a>)>),
    Map(&'a [i32], Box<super::Cells<'a>>, Box<super::Cells<'a>>),
}

/// The values of `array` and its NULLs.
///
/// # Errors
/// A type that has no JSON form here.
pub(super) fn of<'a>(field: &Field, array: &'a ArrayRef) -> Result<(Values<'a>, Option<&'a NullBuffer>)> {
    let json = field.extension_type_name() == Some("arrow.json");
    let values = match array.data_type() {
        DataType::Null => Values::Null,
        DataType::Boolean => Values::Bool(array.as_boolean()),
        DataType::Int8 => Values::Int8(slice::<Int8Type>(array)),
        DataType::Int16 => Values::Int16(slice::<Int16Type>(array)),
        DataType::Int32 => Values::Int32(slice::<Int32Type>(array)),
        DataType::Int64 => Values::Int64(slice::<Int64Type>(array)),
        DataType::UInt8 => Values::UInt8(slice::<UInt8Type>(array)),
        DataType::UInt16 => Values::UInt16(slice::<UInt16Type>(array)),
        DataType::UInt32 => Values::UInt32(slice::<UInt32Type>(array)),
        DataType::UInt64 => Values::UInt64(slice::<UInt64Type>(array)),
        DataType::Float32 => Values::Float32(slice::<Float32Type>(array)),
        DataType::Float64 => Values::Float64(slice::<Float64Type>(array)),
        DataType::Decimal128(_, scale) => Values::Decimal128(slice::<Decimal128Type>(array), *scale),
        DataType::Decimal256(_, scale) => Values::Decimal256(slice::<Decimal256Type>(array), *scale),
        DataType::Date32 => Values::Date(slice::<Date32Type>(array)),
        DataType::Time64(TimeUnit::Microsecond) => Values::Time(slice::<Time64MicrosecondType>(array)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Values::Micros(slice::<TimestampMicrosecondType>(array), zone.is_none())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => Values::Nanos(slice::<TimestampNanosecondType>(array), zone.is_none()),
        DataType::Interval(IntervalUnit::MonthDayNano) => Values::Interval(slice::<IntervalMonthDayNanoType>(array)),
        DataType::FixedSizeBinary(16) => Values::Uuid(array.as_fixed_size_binary()),
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            Values::Bytes(array.value_offsets(), array.value_data())
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            let (offsets, bytes) = (array.value_offsets(), array.value_data());
            if json { Values::Json(offsets, bytes) } else { Values::Text(offsets, bytes) }
        }
        DataType::LargeUtf8 if !json => {
            let array = array.as_string::<i64>();
            Values::LongText(array.value_offsets(), array.value_data())
        }
        DataType::Utf8View if !json => Values::TextView(array.as_string_view()),
        DataType::List(element) => {
            let array = array.as_list::<i32>();
            Values::List(array.value_offsets(), Box::new(super::Cells::new(element, array.values())?))
        }
        DataType::Struct(fields) => {
            let array = array.as_struct();
            let fields = fields.iter().zip(array.columns());
            Values::Struct(
                fields.map(|(f, a)| Ok((super::cells::key(f.name()), super::Cells::new(f, a)?))).collect::<Result<_>>()?,
            )
        }
        DataType::Map(entries, _) => {
            let array = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else { return Err(unsupported(field)) };
            let [key, value] = fields.as_ref() else { return Err(unsupported(field)) };
            let (keys, values) = (super::Cells::new(key, array.keys())?, super::Cells::new(value, array.values())?);
            Values::Map(array.value_offsets(), Box::new(keys), Box::new(values))
        }
        _ => return Err(unsupported(field)),
    };
    Ok((values, array.nulls()))
}

/// Whether an array of this field can be written.
pub(super) fn check(field: &Field) -> Result<()> {
    of(field, &thyme_core::arrow::array::new_empty_array(field.data_type())).map(drop)
}

fn unsupported(field: &Field) -> Error {
    let message = format!("a {} cannot be written as json text; convert it first", field.data_type());
    Error::new(Kind::Unsupported, message).context("field", field.name())
}

fn slice<T: ArrowPrimitiveType>(array: &ArrayRef) -> &[T::Native] {
    array.as_primitive::<T>().values()
}
