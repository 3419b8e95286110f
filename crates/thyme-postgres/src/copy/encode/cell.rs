//! How a value of an array is written as a type of the server.
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use thyme_core::arrow::array::{Array, ArrowPrimitiveType};
use thyme_core::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use thyme_core::bytes::{BufMut, BytesMut};

use super::{Reason, list, net, numeric, text, time};
use crate::types::PgType;

/// Writes the value of a row, which is not NULL, without its length.
pub(super) type Cell<'a> = Box<dyn Fn(usize, &mut BytesMut) -> Result<(), Reason> + 'a>;

/// How the values of `array` are written as `ty`; `None` where they can't be.
pub(super) fn cell<'a>(ty: &PgType, array: &'a dyn Array) -> Option<Cell<'a>> {
    use DataType as A;
    use PgType as P;
    Some(match (ty, array.data_type()) {
        (P::Bool, A::Boolean) => {
            let array = array.as_boolean();
            Box::new(move |row, out| {
                out.put_u8(u8::from(array.value(row)));
                Ok(())
            })
        }
        (P::Int2 | P::Int4 | P::Int8 | P::Oid | P::Numeric(_), data_type) if data_type.is_integer() => integers(ty, array)?,
        (P::Float4, A::Float32) => plain::<Float32Type>(array, |value, out| {
            out.put_f32(value);
            Ok(())
        }),
        (P::Float8, A::Float32) => plain::<Float32Type>(array, |value, out| {
            out.put_f64(f64::from(value));
            Ok(())
        }),
        (P::Float8, A::Float64) => plain::<Float64Type>(array, |value, out| {
            out.put_f64(value);
            Ok(())
        }),
        (P::Numeric(_), A::Float32) => plain::<Float32Type>(array, |value, out| numeric::text(&value.to_string(), out)),
        (P::Numeric(_), A::Float64) => plain::<Float64Type>(array, |value, out| numeric::text(&value.to_string(), out)),
        (P::Numeric(_), A::Decimal128(_, scale)) => {
            let scale = *scale;
            plain::<Decimal128Type>(array, move |value, out| numeric::decimal(&value.to_string(), scale, out))
        }
        (P::Numeric(_), A::Decimal256(_, scale)) => {
            let scale = *scale;
            plain::<Decimal256Type>(array, move |value, out| numeric::decimal(&value.to_string(), scale, out))
        }
        (P::Bytea, A::Binary | A::LargeBinary | A::FixedSizeBinary(_)) => bytes(array)?,
        (P::Uuid, A::FixedSizeBinary(16)) => bytes(array)?,
        (P::Date, A::Date32) => plain::<Date32Type>(array, time::date),
        (P::Time, A::Time64(TimeUnit::Microsecond)) => plain::<Time64MicrosecondType>(array, time::time),
        (P::Timestamp | P::TimestampTz, A::Timestamp(unit, _)) => match unit {
            TimeUnit::Second => plain::<TimestampSecondType>(array, |value, out| time::coarse(value, 1_000_000, out)),
            TimeUnit::Millisecond => plain::<TimestampMillisecondType>(array, |value, out| time::coarse(value, 1000, out)),
            TimeUnit::Microsecond => plain::<TimestampMicrosecondType>(array, time::timestamp),
            TimeUnit::Nanosecond => plain::<TimestampNanosecondType>(array, time::nanos),
        },
        (P::Interval, A::Interval(IntervalUnit::MonthDayNano)) => plain::<IntervalMonthDayNanoType>(array, time::interval),
        (P::Array(element, oid), A::List(_)) => list::lists(element, *oid, array.as_list::<i32>())?,
        (ty, A::Utf8 | A::LargeUtf8) => texts(ty, array)?,
        _ => return None,
    })
}

fn plain<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    write: impl Fn(T::Native, &mut BytesMut) -> Result<(), Reason> + 'a,
) -> Cell<'a> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| write(array.value(row), out))
}

fn integers<'a>(ty: &PgType, array: &'a dyn Array) -> Option<Cell<'a>> {
    Some(match array.data_type() {
        DataType::Int8 => integer::<Int8Type>(ty, array),
        DataType::Int16 => integer::<Int16Type>(ty, array),
        DataType::Int32 => integer::<Int32Type>(ty, array),
        DataType::Int64 => integer::<Int64Type>(ty, array),
        DataType::UInt8 => integer::<UInt8Type>(ty, array),
        DataType::UInt16 => integer::<UInt16Type>(ty, array),
        DataType::UInt32 => integer::<UInt32Type>(ty, array),
        DataType::UInt64 => integer::<UInt64Type>(ty, array),
        _ => return None,
    })
}

/// A narrower column takes what fits; the other rows are refused.
fn integer<'a, T: ArrowPrimitiveType>(ty: &PgType, array: &'a dyn Array) -> Cell<'a>
where
    i128: From<T::Native>,
{
    const FIT: Reason = Reason::Borrowed("a number that the column's type is too small for");
    match ty {
        PgType::Int2 => {
            plain::<T>(array, |value, out| i16::try_from(i128::from(value)).map(|value| out.put_i16(value)).map_err(|_| FIT))
        }
        PgType::Int4 => {
            plain::<T>(array, |value, out| i32::try_from(i128::from(value)).map(|value| out.put_i32(value)).map_err(|_| FIT))
        }
        PgType::Oid => {
            plain::<T>(array, |value, out| u32::try_from(i128::from(value)).map(|value| out.put_u32(value)).map_err(|_| FIT))
        }
        PgType::Numeric(_) => plain::<T>(array, |value, out| numeric::text(&i128::from(value).to_string(), out)),
        _ => plain::<T>(array, |value, out| i64::try_from(i128::from(value)).map(|value| out.put_i64(value)).map_err(|_| FIT)),
    }
}

fn bytes(array: &dyn Array) -> Option<Cell<'_>> {
    Some(match array.data_type() {
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            Box::new(move |row, out| {
                out.put_slice(array.value(row));
                Ok(())
            })
        }
        DataType::LargeBinary => {
            let array = array.as_binary::<i64>();
            Box::new(move |row, out| {
                out.put_slice(array.value(row));
                Ok(())
            })
        }
        _ => {
            let array = array.as_fixed_size_binary_opt()?;
            Box::new(move |row, out| {
                out.put_slice(array.value(row));
                Ok(())
            })
        }
    })
}

fn texts<'a>(ty: &PgType, array: &'a dyn Array) -> Option<Cell<'a>> {
    let write: fn(&str, &mut BytesMut) -> Result<(), Reason> = match ty {
        PgType::Text | PgType::Json => text::text,
        PgType::Jsonb => text::jsonb,
        PgType::Uuid => text::uuid,
        PgType::Numeric(_) => numeric::text,
        PgType::TimeTz => time::timetz,
        PgType::Inet => |value, out| net::inet(value, false, out),
        PgType::Cidr => |value, out| net::inet(value, true, out),
        _ => return None,
    };
    Some(match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            Box::new(move |row, out| write(array.value(row), out))
        }
        _ => {
            let array = array.as_string::<i64>();
            Box::new(move |row, out| write(array.value(row), out))
        }
    })
}
