//! Columns of a file with types of its own, Parquet or Arrow, as those of a dataset, where nothing is lost.
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use thyme_core::arrow::array::{
    Array, ArrayRef, BinaryArray, ListArray, MapArray, PrimitiveArray, StringArray, StructArray, new_null_array,
};
use thyme_core::arrow::buffer::{IntervalMonthDayNano, OffsetBuffer};
use thyme_core::arrow::datatypes::{ArrowError, DataType as T, Field, FieldRef, Fields, IntervalUnit, Schema, TimeUnit};
use thyme_core::arrow::select::take::take;
use thyme_core::drift::Drift;
use thyme_core::field_type;

use crate::scan::Unknown;
use crate::text;

/// What of a `file` does not fit the columns that are wanted: types that would lose something, required columns that are missing,
/// and with [`Unknown::Report`] those beyond the wanted ones.
pub(crate) fn drift(file: &Schema, declared: &Schema, unknown: Unknown) -> Drift {
    let mut drift = Drift::default();
    for field in declared.fields() {
        match file.field_with_name(field.name()) {
            Ok(found) if fits(found.data_type(), field.data_type()) => {}
            Ok(found) => {
                let plain = |field: &Field| field_type::name(&field.clone().with_nullable(true));
                drift.changed.push((field.name().clone(), plain(field), plain(&canonical(found))));
            }
            Err(_) if field.is_nullable() => {}
            Err(_) => drift.removed.push(field.name().clone()),
        }
    }
    if unknown == Unknown::Report {
        let new = file.fields().iter().filter(|field| declared.index_of(field.name()).is_err());
        drift.added.extend(new.map(|field| Arc::new(canonical(field).with_nullable(true))));
    }
    drift
}

/// Whether every value of type `have` is one of type `want`.
pub(crate) fn fits(have: &T, want: &T) -> bool {
    use T::{Binary, BinaryView, Decimal32, Decimal64, Decimal128, Dictionary, FixedSizeBinary, FixedSizeList, Float16, Float32};
    use T::{
        Float64, Int8, Int16, Int32, Int64, LargeBinary, LargeList, LargeUtf8, List, Map, Struct, Time32, Time64, Timestamp,
    };
    use T::{UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View};
    if have == want {
        return true;
    }
    match (have, want) {
        // A column that holds nothing.
        (T::Null, _) => true,
        (Dictionary(_, value), want) => fits(value, want),
        (Utf8 | LargeUtf8 | Utf8View, Utf8) | (Binary | LargeBinary | BinaryView | FixedSizeBinary(_), Binary) => true,
        (Float16, Float32 | Float64) | (Float32, Float64) | (T::Date64, T::Date32) => true,
        (Int8, Int16 | Int32 | Int64) | (Int16, Int32 | Int64) | (Int32, Int64) => true,
        (UInt8, UInt16 | UInt32 | UInt64 | Int16 | Int32 | Int64) => true,
        (UInt16, UInt32 | UInt64 | Int32 | Int64) | (UInt32, UInt64 | Int64) => true,
        (Timestamp(_, zone), Timestamp(TimeUnit::Microsecond, to)) => zone.is_some() == to.is_some(),
        (Timestamp(TimeUnit::Nanosecond, zone), Timestamp(TimeUnit::Nanosecond, to)) => zone.is_some() == to.is_some(),
        (Time32(_) | Time64(TimeUnit::Nanosecond), Time64(TimeUnit::Microsecond)) => true,
        (T::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime), T::Interval(IntervalUnit::MonthDayNano)) => true,
        // As we store them: ISO 8601.
        (Utf8 | LargeUtf8 | Utf8View, T::Interval(IntervalUnit::MonthDayNano)) => true,
        (Decimal32(from, scale) | Decimal64(from, scale) | Decimal128(from, scale), Decimal128(to, same)) => {
            from <= to && scale == same
        }
        (List(have) | LargeList(have) | FixedSizeList(have, _), List(want)) => fits(have.data_type(), want.data_type()),
        (Struct(have), Struct(want)) => want.iter().all(|want| match have.iter().find(|have| have.name() == want.name()) {
            Some(have) => fits(have.data_type(), want.data_type()),
            None => want.is_nullable(),
        }),
        (Map(have, _), Map(want, _)) => match (have.data_type(), want.data_type()) {
            (Struct(have), Struct(want)) => {
                have.len() == 2 && have.iter().zip(want).all(|(have, want)| fits(have.data_type(), want.data_type()))
            }
            _ => false,
        },
        _ => false,
    }
}

/// `array` as `want`, which it [`fits`].
pub(crate) fn convert(array: &ArrayRef, want: &T) -> Result<ArrayRef, String> {
    let have = array.data_type();
    if have == want {
        return Ok(Arc::clone(array));
    }
    match (have, want) {
        (T::Null, _) => Ok(new_null_array(want, array.len())),
        (T::Dictionary(..), _) => {
            let dictionary = array.as_any_dictionary_opt().ok_or("a dictionary without its values")?;
            let plain = take(dictionary.values(), dictionary.keys(), None).map_err(|e| e.to_string())?;
            convert(&plain, want)
        }
        (T::LargeUtf8 | T::Utf8View, T::Interval(_)) => convert(&convert(array, &T::Utf8)?, want),
        (T::Utf8, T::Interval(_)) => intervals(array),
        (T::LargeUtf8, _) => Ok(Arc::new(array.as_string::<i64>().iter().collect::<StringArray>())),
        (T::Utf8View, _) => Ok(Arc::new(array.as_string_view().iter().collect::<StringArray>())),
        (T::LargeBinary, _) => Ok(Arc::new(array.as_binary::<i64>().iter().collect::<BinaryArray>())),
        (T::BinaryView, _) => Ok(Arc::new(array.as_binary_view().iter().collect::<BinaryArray>())),
        (T::FixedSizeBinary(_), _) => Ok(Arc::new(array.as_fixed_size_binary().iter().collect::<BinaryArray>())),
        (T::Float16, T::Float32) => Ok(widen::<Float16Type, Float32Type>(array)),
        (T::Float16, T::Float64) => Ok(widen::<Float16Type, Float64Type>(array)),
        (T::Float32, T::Float64) => Ok(widen::<Float32Type, Float64Type>(array)),
        (T::Int8, T::Int16) => Ok(widen::<Int8Type, Int16Type>(array)),
        (T::Int8, T::Int32) => Ok(widen::<Int8Type, Int32Type>(array)),
        (T::Int8, T::Int64) => Ok(widen::<Int8Type, Int64Type>(array)),
        (T::Int16, T::Int32) => Ok(widen::<Int16Type, Int32Type>(array)),
        (T::Int16, T::Int64) => Ok(widen::<Int16Type, Int64Type>(array)),
        (T::Int32, T::Int64) => Ok(widen::<Int32Type, Int64Type>(array)),
        (T::UInt8, T::UInt16) => Ok(widen::<UInt8Type, UInt16Type>(array)),
        (T::UInt8, T::UInt32) => Ok(widen::<UInt8Type, UInt32Type>(array)),
        (T::UInt8, T::UInt64) => Ok(widen::<UInt8Type, UInt64Type>(array)),
        (T::UInt8, T::Int16) => Ok(widen::<UInt8Type, Int16Type>(array)),
        (T::UInt8, T::Int32) => Ok(widen::<UInt8Type, Int32Type>(array)),
        (T::UInt8, T::Int64) => Ok(widen::<UInt8Type, Int64Type>(array)),
        (T::UInt16, T::UInt32) => Ok(widen::<UInt16Type, UInt32Type>(array)),
        (T::UInt16, T::UInt64) => Ok(widen::<UInt16Type, UInt64Type>(array)),
        (T::UInt16, T::Int32) => Ok(widen::<UInt16Type, Int32Type>(array)),
        (T::UInt16, T::Int64) => Ok(widen::<UInt16Type, Int64Type>(array)),
        (T::UInt32, T::UInt64) => Ok(widen::<UInt32Type, UInt64Type>(array)),
        (T::UInt32, T::Int64) => Ok(widen::<UInt32Type, Int64Type>(array)),
        (T::Date64, _) => days(array),
        (T::Time32(TimeUnit::Second), _) => scaled::<Time32SecondType, Time64MicrosecondType>(array, 1_000_000),
        (T::Time32(_), _) => scaled::<Time32MillisecondType, Time64MicrosecondType>(array, 1_000),
        (T::Time64(_), _) => whole::<Time64NanosecondType, Time64MicrosecondType>(array, "a time is finer than a microsecond"),
        (T::Interval(IntervalUnit::YearMonth), _) => {
            let of = |months| IntervalMonthDayNano { months, days: 0, nanoseconds: 0 };
            Ok(Arc::new(array.as_primitive::<IntervalYearMonthType>().unary::<_, IntervalMonthDayNanoType>(of)))
        }
        (T::Interval(_), _) => {
            let values = array.as_primitive::<IntervalDayTimeType>();
            let values = values.unary::<_, IntervalMonthDayNanoType>(|value| IntervalMonthDayNano {
                months: 0,
                days: value.days,
                nanoseconds: i64::from(value.milliseconds) * 1_000_000,
            });
            Ok(Arc::new(values))
        }
        (T::Timestamp(unit, _), T::Timestamp(to, zone)) => timestamp(array, *unit, *to, zone.clone()),
        (_, T::Decimal128(precision, scale)) => {
            let values = match have {
                T::Decimal32(..) => array.as_primitive::<Decimal32Type>().unary::<_, Decimal128Type>(i128::from),
                T::Decimal64(..) => array.as_primitive::<Decimal64Type>().unary::<_, Decimal128Type>(i128::from),
                _ => array.as_primitive::<Decimal128Type>().clone(),
            };
            Ok(Arc::new(values.with_precision_and_scale(*precision, *scale).map_err(|e| e.to_string())?))
        }
        (T::List(_), T::List(item)) => {
            let list = array.as_list::<i32>();
            let values = convert(list.values(), item.data_type())?;
            let list = ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned());
            Ok(Arc::new(list.map_err(|e| e.to_string())?))
        }
        (T::LargeList(_), T::List(item)) => {
            let list = array.as_list::<i64>();
            let values = convert(list.values(), item.data_type())?;
            let lengths = list.offsets().lengths();
            let offsets = OffsetBuffer::from_lengths(lengths);
            let start = list.offsets().first().and_then(|start| usize::try_from(*start).ok()).unwrap_or(0);
            let length = offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
            let list = ListArray::try_new(Arc::clone(item), offsets, values.slice(start, length), list.nulls().cloned());
            Ok(Arc::new(list.map_err(|e| e.to_string())?))
        }
        (T::FixedSizeList(_, size), T::List(item)) => {
            let list = array.as_fixed_size_list();
            let values = convert(list.values(), item.data_type())?;
            let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(usize::try_from(*size).unwrap_or(0), list.len()));
            let list = ListArray::try_new(Arc::clone(item), offsets, values, list.nulls().cloned());
            Ok(Arc::new(list.map_err(|e| e.to_string())?))
        }
        (T::Struct(_), T::Struct(fields)) => Ok(Arc::new(structure(array.as_struct(), fields)?)),
        (T::Map(..), T::Map(entries, sorted)) => {
            let T::Struct(fields) = entries.data_type() else { return Err("a map without entries".into()) };
            let map = array.as_map();
            let columns = map.entries().columns().iter().zip(fields).map(|(array, field)| convert(array, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let pairs = StructArray::try_new(fields.clone(), columns, None).map_err(|e| e.to_string())?;
            let map = MapArray::try_new(Arc::clone(entries), map.offsets().clone(), pairs, map.nulls().cloned(), *sorted);
            Ok(Arc::new(map.map_err(|e| e.to_string())?))
        }
        (have, want) => Err(format!("a {have} cannot be read as a {want}")),
    }
}

fn intervals(array: &ArrayRef) -> Result<ArrayRef, String> {
    let parse = |text: &str| text::interval::parse(text.as_bytes()).map_err(|fault| format!("`{text}` is {fault}"));
    let parsed = array.as_string::<i32>().iter().map(|text| text.map(parse).transpose());
    Ok(Arc::new(parsed.collect::<Result<PrimitiveArray<IntervalMonthDayNanoType>, _>>()?))
}

fn structure(array: &StructArray, fields: &Fields) -> Result<StructArray, String> {
    let columns = fields.iter().map(|field| match array.column_by_name(field.name()) {
        Some(column) => convert(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), array.len())),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new(fields.clone(), columns, array.nulls().cloned()).map_err(|e| e.to_string())
}

fn widen<A: ArrowPrimitiveType, B: ArrowPrimitiveType>(array: &ArrayRef) -> ArrayRef
where
    B::Native: From<A::Native>,
{
    Arc::new(array.as_primitive::<A>().unary::<_, B>(B::Native::from))
}

fn scaled<A: ArrowPrimitiveType, B: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef, factor: i64) -> Result<ArrayRef, String>
where
    i64: From<A::Native>,
{
    let out_of_range = || ArrowError::ComputeError("a time is out of range".into());
    let values: Result<PrimitiveArray<B>, _> =
        array.as_primitive::<A>().try_unary(|value| i64::from(value).checked_mul(factor).ok_or_else(out_of_range));
    values.map(|values| Arc::new(values) as ArrayRef).map_err(|e| e.to_string())
}

/// Nanoseconds as microseconds; `finer` is what is wrong with others.
fn whole<A, B>(array: &ArrayRef, finer: &str) -> Result<ArrayRef, String>
where
    A: ArrowPrimitiveType<Native = i64>,
    B: ArrowPrimitiveType<Native = i64>,
{
    let finer = || ArrowError::ComputeError(finer.into());
    let whole = |value: i64| if value % 1_000 == 0 { Ok(value / 1_000) } else { Err(finer()) };
    let values = array.as_primitive::<A>().try_unary::<_, B, _>(whole);
    values.map(|values| Arc::new(values) as ArrayRef).map_err(|e| e.to_string())
}

/// Milliseconds that are whole days.
fn days(array: &ArrayRef) -> Result<ArrayRef, String> {
    const DAY: i64 = 86_400_000;
    let wrong = || ArrowError::ComputeError("a date has a time of day, or is out of range".into());
    let day = |value: i64| i32::try_from(value / DAY).ok().filter(|_| value % DAY == 0).ok_or_else(wrong);
    let values = array.as_primitive::<Date64Type>().try_unary::<_, Date32Type, _>(day);
    values.map(|values| Arc::new(values) as ArrayRef).map_err(|e| e.to_string())
}

fn timestamp(array: &ArrayRef, unit: TimeUnit, to: TimeUnit, zone: Option<Arc<str>>) -> Result<ArrayRef, String> {
    let micros = match (unit, to) {
        (TimeUnit::Nanosecond, TimeUnit::Nanosecond) => {
            let values = array.as_primitive::<TimestampNanosecondType>().clone();
            return Ok(Arc::new(values.with_timezone_opt(zone)));
        }
        (TimeUnit::Second, _) => scaled::<TimestampSecondType, TimestampMicrosecondType>(array, 1_000_000)?,
        (TimeUnit::Millisecond, _) => scaled::<TimestampMillisecondType, TimestampMicrosecondType>(array, 1_000)?,
        (TimeUnit::Microsecond, _) => Arc::clone(array),
        (TimeUnit::Nanosecond, _) => {
            let finer = "a timestamp is finer than a microsecond; declare the column as timestamp_ns";
            whole::<TimestampNanosecondType, TimestampMicrosecondType>(array, finer)?
        }
    };
    Ok(Arc::new(micros.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(zone)))
}

/// The field as a dataset has it.
pub(crate) fn canonical(field: &Field) -> Field {
    let data_type = canonical_type(field.data_type());
    field.clone().with_data_type(data_type)
}

fn canonical_type(data_type: &T) -> T {
    let item = |field: &FieldRef| Arc::new(canonical(field));
    match data_type {
        T::Dictionary(_, value) => canonical_type(value),
        T::LargeUtf8 | T::Utf8View => T::Utf8,
        T::LargeBinary | T::BinaryView => T::Binary,
        T::FixedSizeBinary(width) if *width != 16 => T::Binary,
        T::Float16 => T::Float32,
        T::Date64 => T::Date32,
        T::Decimal32(precision, scale) | T::Decimal64(precision, scale) => T::Decimal128(*precision, *scale),
        T::Time32(_) | T::Time64(_) => T::Time64(TimeUnit::Microsecond),
        T::Interval(_) => T::Interval(IntervalUnit::MonthDayNano),
        T::Timestamp(TimeUnit::Nanosecond, Some(_)) => T::Timestamp(TimeUnit::Nanosecond, Some(field_type::UTC.into())),
        T::Timestamp(_, Some(_)) => field_type::timestamp(),
        T::Timestamp(_, None) => T::Timestamp(TimeUnit::Microsecond, None),
        T::List(field) | T::LargeList(field) | T::FixedSizeList(field, _) => {
            T::List(Arc::new(canonical(field).with_name(Field::LIST_FIELD_DEFAULT_NAME)))
        }
        T::Struct(fields) => T::Struct(fields.iter().map(item).collect()),
        T::Map(entries, _) => match entries.data_type() {
            T::Struct(pair) if pair.len() == 2 => {
                let pair = pair.iter().zip(["keys", "values"]).map(|(field, name)| Arc::new(canonical(field).with_name(name)));
                let pair: Vec<FieldRef> = pair.collect();
                T::Map(Arc::new(Field::new("entries", T::Struct(pair.into()), false)), false)
            }
            _ => data_type.clone(),
        },
        other => other.clone(),
    }
}
