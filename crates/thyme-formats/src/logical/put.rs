//! One value into one column. Nothing is rounded, except that times drop the digits below their unit.
use thyme_core::arrow::buffer::{IntervalMonthDayNano, i256};
use thyme_core::arrow::datatypes::TimeUnit;

use super::{Meaning, Unscaled, decimal_text, unscaled};
use crate::json::column::{Column, Values};
use crate::json::decimal::Decimals;
use crate::json::instant::Instants;
use crate::text::{Fault, date, decimal as decimals, interval, time, timestamp, uuid};

const UNFIT: Fault = "a value that the column cannot take";
const INEXACT: Fault = "a number that a float cannot hold exactly";
const RANGE: Fault = "beyond what a timestamp can say";
const DAY: i64 = 86_400_000_000;

/// What Debezium writes for the infinities of PostgreSQL, whatever the unit.
const INFINITY: i64 = 9_223_372_036_825_200_000;
const MINUS_INFINITY: i64 = -9_223_372_036_832_400_000;

/// A whole number.
#[inline]
pub(crate) fn int(column: &mut Column, value: i64, meaning: Meaning) -> Result<(), Fault> {
    match (column.values_mut(), meaning) {
        (Values::Int64(v), _) => v.push(value),
        (Values::Int32(v), _) => v.push(i32::try_from(value).map_err(|_| "out of range for an int32")?),
        (Values::Instant(v), Meaning::Stamp(unit)) => v.values.push(instant(value, unit, v.nanos)?),
        (Values::Instant(v), Meaning::DebeziumStamp(unit)) => v.values.push(match value {
            INFINITY => i64::MAX,
            MINUS_INFINITY => i64::MIN,
            value => instant(value, unit, v.nanos)?,
        }),
        (Values::Date(v), Meaning::Date) => v.push(i32::try_from(value).map_err(|_| "a date beyond 32 bits of days")?),
        (Values::Time(v), Meaning::Time(unit)) => {
            let micros = scaled(value, unit, false).filter(|micros| (0..DAY).contains(micros));
            v.push(micros.ok_or("a time that no day has")?);
        }
        (Values::Interval(v), Meaning::Duration(unit)) => {
            let nanos = scaled(value, unit, true).ok_or("beyond what an interval can say")?;
            v.push(IntervalMonthDayNano::new(0, 0, nanos));
        }
        (Values::Int8(v), _) => v.push(i8::try_from(value).map_err(|_| "out of range for an int8")?),
        (Values::Int16(v), _) => v.push(i16::try_from(value).map_err(|_| "out of range for an int16")?),
        (Values::UInt8(v), _) => v.push(u8::try_from(value).map_err(|_| "out of range for a uint8")?),
        (Values::UInt16(v), _) => v.push(u16::try_from(value).map_err(|_| "out of range for a uint16")?),
        (Values::UInt32(v), _) => v.push(u32::try_from(value).map_err(|_| "out of range for a uint32")?),
        (Values::UInt64(v), _) => v.push(u64::try_from(value).map_err(|_| "out of range for a uint64")?),
        (Values::Float64(v), Meaning::Int) if value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS => v.push(value as f64),
        (Values::Float32(v), Meaning::Int) if value.unsigned_abs() <= 1 << f32::MANTISSA_DIGITS => v.push(value as f32),
        (Values::Float32(_) | Values::Float64(_), Meaning::Int) => return Err(INEXACT),
        (Values::Decimal128(_) | Values::Decimal256(_), Meaning::Int) => {
            return decimal(column, i256::from_i128(value.into()), 0);
        }
        (Values::Json(v, _), _) => v.push(value.to_string().as_bytes()),
        _ => return Err(UNFIT),
    }
    Ok(())
}

/// A number over ten to the `scale`.
#[inline]
pub(crate) fn decimal(column: &mut Column, value: i256, scale: i32) -> Result<(), Fault> {
    match column.values_mut() {
        Values::Decimal128(Decimals { values, precision, scale: to, .. }) => {
            values.push(i128::scaled(value, scale, *precision, *to)?);
        }
        Values::Decimal256(Decimals { values, precision, scale: to, .. }) => {
            values.push(i256::scaled(value, scale, *precision, *to)?);
        }
        Values::Text(v) => v.push(decimal_text(value, scale)?.as_bytes()),
        Values::UInt64(v) => {
            let whole = i256::scaled(value, scale, 38, 0)?.to_i128().and_then(|whole| u64::try_from(whole).ok());
            v.push(whole.ok_or("out of range for a uint64")?);
        }
        _ => {
            let whole = i256::scaled(value, scale, 38, 0)?.to_i128().and_then(|whole| i64::try_from(whole).ok());
            return int(column, whole.ok_or("out of range for an int64")?, Meaning::Decimal(0));
        }
    }
    Ok(())
}

/// A floating-point number.
#[inline]
pub(crate) fn float(column: &mut Column, value: f64) -> Result<(), Fault> {
    match column.values_mut() {
        Values::Float64(v) => v.push(value),
        Values::Float32(v) => {
            let narrow = value as f32;
            if f64::from(narrow) != value && !value.is_nan() {
                return Err(INEXACT);
            }
            v.push(narrow);
        }
        Values::Json(v, _) if value.is_finite() => v.push(zmij::Buffer::new().format(value).as_bytes()),
        Values::Json(..) => return Err("a number that json does not have"),
        _ => return Err(UNFIT),
    }
    Ok(())
}

/// True or false.
#[inline]
pub(crate) fn boolean(column: &mut Column, value: bool) -> Result<(), Fault> {
    match column.values_mut() {
        Values::Bool(v) => v.push(value),
        Values::Json(v, _) => v.push(if value { b"true" } else { b"false" }),
        _ => return Err(UNFIT),
    }
    Ok(())
}

/// Text that is known to be UTF-8.
#[inline]
pub(crate) fn text(column: &mut Column, value: &[u8], meaning: Meaning) -> Result<(), Fault> {
    match column.values_mut() {
        Values::Text(v) => v.push(value),
        Values::Json(v, _) if crate::json::is_value(value) => v.push(value),
        Values::Json(..) => return Err("text that is not json"),
        Values::Uuid(v) => v.push(uuid::parse(value)?),
        Values::Decimal128(v) => v.values.push(decimals::decimal128(value, v.precision, v.scale)?),
        Values::Decimal256(v) => v.values.push(decimals::decimal256(value, v.precision, v.scale)?),
        Values::Date(v) => v.push(match value {
            b"infinity" => i32::MAX,
            b"-infinity" => i32::MIN,
            value => date::parse(value.strip_suffix(b"Z").unwrap_or(value))?,
        }),
        Values::Time(v) => v.push(time::parse(value.strip_suffix(b"Z").unwrap_or(value))?),
        Values::Interval(v) => v.push(interval::parse(value)?),
        Values::Instant(v) => v.values.push(instant_text(v, value, meaning)?),
        _ => return Err(UNFIT),
    }
    Ok(())
}

fn instant_text(column: &Instants, value: &[u8], meaning: Meaning) -> Result<i64, Fault> {
    match (value, column.nanos, column.zone.is_some()) {
        (b"infinity", ..) => Ok(i64::MAX),
        (b"-infinity", ..) => Ok(i64::MIN),
        (value, false, true) => timestamp::micros(value),
        (value, true, true) => timestamp::nanos(value),
        (value, nanos, false) => {
            let local = value.strip_suffix(b"Z").filter(|_| meaning == Meaning::LocalText).unwrap_or(value);
            if nanos { timestamp::local_nanos(local) } else { timestamp::local_micros(local) }
        }
    }
}

/// Bytes as they are.
#[inline]
pub(crate) fn bytes(column: &mut Column, value: &[u8], meaning: Meaning) -> Result<(), Fault> {
    if let Meaning::Decimal(scale) = meaning {
        return decimal(column, unscaled(value)?, scale);
    }
    match column.values_mut() {
        Values::Bytes(v) => v.push(value),
        Values::Uuid(v) => v.push(value.try_into().map_err(|_| "a uuid has 16 bytes")?),
        Values::Interval(v) => {
            let (Some([months, days, millis]), 12) = (value.as_chunks::<4>().0.first_chunk::<3>(), value.len()) else {
                return Err("a duration has 12 bytes");
            };
            let part = |bytes: &[u8; 4]| i32::try_from(u32::from_le_bytes(*bytes)).map_err(|_| "beyond what an interval can say");
            let nanos = i64::from(u32::from_le_bytes(*millis)) * 1_000_000;
            v.push(IntervalMonthDayNano::new(part(months)?, part(days)?, nanos));
        }
        _ => return Err(UNFIT),
    }
    Ok(())
}

fn instant(value: i64, unit: TimeUnit, nanos: bool) -> Result<i64, Fault> {
    scaled(value, unit, nanos).ok_or(RANGE)
}

/// A number of `unit`s as micro- or nanoseconds; digits below are cut off towards the past.
#[inline(always)]
fn scaled(value: i64, unit: TimeUnit, nanos: bool) -> Option<i64> {
    let exponent = match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let wanted: u32 = if nanos { 9 } else { 6 };
    match wanted.checked_sub(exponent) {
        Some(0) => Some(value),
        Some(up) => value.checked_mul(10i64.pow(up)),
        None => Some(value.div_euclid(1000)),
    }
}
