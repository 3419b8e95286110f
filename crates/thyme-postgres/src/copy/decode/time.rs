//! Dates, times, timestamps, intervals.
use std::io::Write;

use thyme_core::arrow::buffer::IntervalMonthDayNano;

use super::Fault;
use super::scalar::fixed;
use crate::copy::{DAY_MICROS, EPOCH_DAYS, EPOCH_MICROS};

/// Days since 1970. The infinities are the largest and the smallest number, which no date has.
#[inline]
pub(super) fn date(bytes: &[u8]) -> Result<i32, Fault> {
    let days = i32::from_be_bytes(fixed(bytes)?);
    if days == i32::MAX || days == i32::MIN {
        return Ok(days);
    }
    let days = days.checked_add(EPOCH_DAYS).filter(|days| *days != i32::MAX);
    days.map_or_else(|| Fault::refused("a date past what Arrow counts"), Ok)
}

/// Microseconds since 1970, or nanoseconds. The infinities are the largest and the smallest number, which no other instant has.
#[inline]
pub(super) fn timestamp(bytes: &[u8], nanos: bool) -> Result<i64, Fault> {
    let micros = i64::from_be_bytes(fixed(bytes)?);
    if micros == i64::MAX || micros == i64::MIN {
        return Ok(micros);
    }
    let micros = micros.checked_add(EPOCH_MICROS).filter(|micros| *micros != i64::MAX);
    let Some(micros) = micros else {
        return Fault::refused("a timestamp after 294247-01-10, past what Arrow counts in microseconds");
    };
    if !nanos {
        return Ok(micros);
    }
    let nanos = micros.checked_mul(1000);
    nanos.map_or_else(|| Fault::refused("a timestamp outside of 1677 to 2262, past what Arrow counts in nanoseconds"), Ok)
}

/// Microseconds since midnight.
#[inline]
pub(super) fn time(bytes: &[u8]) -> Result<i64, Fault> {
    let micros = i64::from_be_bytes(fixed(bytes)?);
    match micros {
        0..DAY_MICROS => Ok(micros),
        DAY_MICROS => Fault::refused("the time 24:00:00, which Arrow does not have"),
        _ => Err(Fault::Broken("a time that is not within a day")),
    }
}

/// `23:59:59.5+02:30`.
pub(super) fn timetz(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let [a, b, c, d, e, f, g, h, zone @ ..] = fixed::<12>(bytes)?;
    let micros = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    if !(0..=DAY_MICROS).contains(&micros) {
        return Err(Fault::Broken("a time that is not within a day"));
    }
    clock(micros, out);
    // The server counts seconds west of Greenwich.
    let west = i64::from(i32::from_be_bytes(zone));
    let (sign, seconds) = if west > 0 { ('-', west) } else { ('+', -west) };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // Writing to a vector does not fail.
    let _ = write!(out, "{sign}{hours:02}");
    if minutes != 0 || seconds != 0 {
        let _ = write!(out, ":{minutes:02}");
    }
    if seconds != 0 {
        let _ = write!(out, ":{seconds:02}");
    }
    Ok(())
}

fn clock(micros: i64, out: &mut Vec<u8>) {
    let (seconds, mut fraction) = (micros / 1_000_000, micros % 1_000_000);
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let mut digits = 6;
        while fraction % 10 == 0 {
            (fraction, digits) = (fraction / 10, digits - 1);
        }
        let _ = write!(out, ".{fraction:0digits$}");
    }
}

/// Months, days and nanoseconds.
#[inline]
pub(super) fn interval(bytes: &[u8]) -> Result<IntervalMonthDayNano, Fault> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = fixed::<16>(bytes)?;
    let micros = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let (days, months) = (i32::from_be_bytes([i, j, k, l]), i32::from_be_bytes([m, n, o, p]));
    let Some(nanos) = micros.checked_mul(1000) else {
        let infinite = [(i64::MAX, i32::MAX), (i64::MIN, i32::MIN)];
        return Fault::refused(if infinite.contains(&(micros, days)) && days == months {
            "an infinite interval, which Arrow does not have"
        } else {
            "an interval with more hours than Arrow counts in nanoseconds, 292 years"
        });
    };
    Ok(IntervalMonthDayNano::new(months, days, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_infinities() {
        assert_eq!(date(&i32::MAX.to_be_bytes()), Ok(i32::MAX));
        assert_eq!(date(&i32::MIN.to_be_bytes()), Ok(i32::MIN));
        assert_eq!(date(&0i32.to_be_bytes()), Ok(10_957));
        assert_eq!(timestamp(&i64::MAX.to_be_bytes(), false), Ok(i64::MAX));
        assert_eq!(timestamp(&i64::MIN.to_be_bytes(), true), Ok(i64::MIN));
        // 294247-01-10 04:00:54.775806, the last before the sentinel.
        assert_eq!(timestamp(&(i64::MAX - 1 - EPOCH_MICROS).to_be_bytes(), false), Ok(i64::MAX - 1));
        assert!(matches!(timestamp(&(i64::MAX - EPOCH_MICROS).to_be_bytes(), false), Err(Fault::Refused(_))));
        assert!(matches!(timestamp(&i64::from(i32::MAX).pow(2).to_be_bytes(), true), Err(Fault::Refused(_))));
        assert!(matches!(time(&DAY_MICROS.to_be_bytes()), Err(Fault::Refused(_))));
        assert!(matches!(time(&(-1i64).to_be_bytes()), Err(Fault::Broken(_))));
        assert!(matches!(date(&[0; 3]), Err(Fault::Broken(_))));
    }

    #[test]
    fn times_with_zones_read_as_the_server_prints_them() {
        for (micros, west, expected) in [
            (0i64, 0i32, "00:00:00+00"),
            (86_400_000_000, 0, "24:00:00+00"),
            (45_296_789_000, -9000, "12:34:56.789+02:30"),
            (1, 57_599, "00:00:00.000001-15:59:59"),
        ] {
            let mut out = Vec::new();
            timetz(&[&micros.to_be_bytes()[..], &west.to_be_bytes()].concat(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
