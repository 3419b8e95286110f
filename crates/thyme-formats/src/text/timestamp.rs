//! Instants and local times: RFC 3339, its ISO 8601 relatives, and numbers since 1970.
//!
//! The text is `YYYY-MM-DD`, alone or followed by `T` or a blank and `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f…`, then by nothing (UTC),
//! `Z`, `±HH:MM`, `±HHMM` or `±HH`. Digits below the unit of the column are dropped, never rounded up. Second 60 is refused: it
//! has no number of its own.
use super::{Fault, date, decimal, swar, time};
use crate::time_unit::TimestampUnit;

const SHAPE: Fault = "not a timestamp (YYYY-MM-DDTHH:MM:SS.ffffffZ)";
const NANOS: Fault = "outside 1677-09-21 to 2262-04-11, all that nanoseconds can say";
const ZONED: Fault = "a local timestamp has no zone";

/// Microseconds since 1970-01-01T00:00:00Z.
///
/// # Errors
/// Another shape, or no such instant.
#[inline]
pub fn micros(text: &[u8]) -> Result<i64, Fault> {
    if let Ok(text) = text.try_into()
        && let Some(micros) = micros_27(text)
    {
        return Ok(micros);
    }
    let parts = parts(text)?;
    Ok(parts.seconds * 1_000_000 + parts.nanos / 1_000)
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
///
/// # Errors
/// Another shape, no such instant, or one outside the years 1677 to 2262.
pub fn nanos(text: &[u8]) -> Result<i64, Fault> {
    parts(text)?.nanos()
}

/// Microseconds since 1970-01-01T00:00:00 on the same clock.
///
/// # Errors
/// As [`micros`], or a zone.
pub fn local_micros(text: &[u8]) -> Result<i64, Fault> {
    let parts = parts(text)?;
    if parts.zoned { Err(ZONED) } else { Ok(parts.seconds * 1_000_000 + parts.nanos / 1_000) }
}

/// Nanoseconds since 1970-01-01T00:00:00 on the same clock.
///
/// # Errors
/// As [`nanos`], or a zone.
pub fn local_nanos(text: &[u8]) -> Result<i64, Fault> {
    let parts = parts(text)?;
    if parts.zoned { Err(ZONED) } else { parts.nanos() }
}

/// Microseconds from a number that counts `unit`s, with or without fraction and exponent.
///
/// # Errors
/// Not a number, or beyond 64 bits.
pub fn number_micros(text: &[u8], unit: TimestampUnit) -> Result<i64, Fault> {
    number(text, 6 - unit.exponent())
}

/// Nanoseconds from a number that counts `unit`s, with or without fraction and exponent.
///
/// # Errors
/// Not a number, or outside the years 1677 to 2262.
pub fn number_nanos(text: &[u8], unit: TimestampUnit) -> Result<i64, Fault> {
    number(text, 9 - unit.exponent())
}

fn number(text: &[u8], scale: u32) -> Result<i64, Fault> {
    i64::try_from(decimal::floor(text, scale)?).map_err(|_| "beyond what a timestamp can say")
}

/// The microseconds of `YYYY-MM-DDTHH:MM:SS.ffffffZ`, if it is one: the form that most programs write.
#[inline]
#[must_use]
pub fn micros_27(text: &[u8; 27]) -> Option<i64> {
    const DATE: swar::Picture = swar::Picture::new(b"0000-00-");
    const DAY: swar::Picture = swar::Picture::new(b"00T00:00");
    const SECOND: swar::Picture = swar::Picture::new(b":00.0000");
    const MICROS: swar::Picture = swar::Picture::new(b".000000Z");
    let (ymd, a) = DATE.digits(swar::word(text, 0)?);
    let (dhm, b) = DAY.digits(swar::word(text, 8)?);
    let (sec, c) = SECOND.digits(swar::word(text, 16)?);
    let (mic, d) = MICROS.digits(swar::word(text, 19)?);
    if !(a & b & c & d) {
        return None;
    }
    let (ymd, dhm, sec, mic) = (swar::pairs(ymd), swar::pairs(dhm), swar::pairs(sec), swar::pairs(mic));
    let (hour, minute, second) = (swar::byte(dhm, 3), swar::byte(dhm, 6), swar::byte(sec, 1));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (year, month) = date::year_and_month(ymd);
    let days = date::days(year, month, swar::byte(dhm, 0))?;
    let micros = swar::byte(mic, 1) * 10_000 + swar::byte(mic, 3) * 100 + swar::byte(mic, 5);
    Some((i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second)) * 1_000_000 + i64::from(micros))
}

/// A timestamp taken apart.
struct Parts {
    seconds: i64,
    nanos: i64,
    zoned: bool,
}

impl Parts {
    fn nanos(&self) -> Result<i64, Fault> {
        // In 128 bits: the first second that fits begins before the first nanosecond that does.
        i64::try_from(i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)).map_err(|_| NANOS)
    }
}

fn parts(text: &[u8]) -> Result<Parts, Fault> {
    let Some((day, rest)) = text.split_at_checked(10) else { return Err(SHAPE) };
    let midnight =
        i64::from(date::parse(day).map_err(|fault| if fault == date::MONTH || fault == date::DAY { fault } else { SHAPE })?)
            * 86_400;
    let [b'T' | b't' | b' ', rest @ ..] = rest else {
        return if rest.is_empty() { Ok(Parts { seconds: midnight, nanos: 0, zoned: false }) } else { Err(SHAPE) };
    };
    let (clock, nanos, rest) = time::clock(rest)?.ok_or(SHAPE)?;
    let offset = match rest {
        [] => return Ok(Parts { seconds: midnight + clock, nanos, zoned: false }),
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, minutes) = match rest {
                [h1, h0] => (time::two(*h1, *h0), Some(0)),
                [h1, h0, b':', m1, m0] | [h1, h0, m1, m0] => (time::two(*h1, *h0), time::two(*m1, *m0)),
                _ => return Err(SHAPE),
            };
            let (Some(hours @ 0..=23), Some(minutes @ 0..=59)) = (hours, minutes) else {
                return Err("the zone is not Z or ±HH:MM");
            };
            if *sign == b'-' { -(hours * 3600 + minutes * 60) } else { hours * 3600 + minutes * 60 }
        }
        _ => return Err(SHAPE),
    };
    Ok(Parts { seconds: midnight + clock - offset, nanos, zoned: true })
}
