//! Intervals of months, days and nanoseconds as ISO 8601 durations: `P1Y2M3W4DT5H6M7.000000008S`.
use thyme_core::arrow::buffer::IntervalMonthDayNano;

use super::Fault;

const SHAPE: Fault = "not an interval (P1Y2M3DT4H5M6.7S)";
const RANGE: Fault = "beyond what an interval can say";

/// An ISO 8601 duration: each part at most once and in order, each with a sign of its own if need be, a fraction (nine digits)
/// in the seconds alone; a sign before the `P` turns all of it round.
///
/// # Errors
/// Another shape, or a part beyond 32 bits of months or days or 64 bits of nanoseconds.
pub fn parse(text: &[u8]) -> Result<IntervalMonthDayNano, Fault> {
    let (turned, mut rest) = match text {
        [b'-', b'P', rest @ ..] => (true, rest),
        [b'P', rest @ ..] | [b'+', b'P', rest @ ..] => (false, rest),
        _ => return Err(SHAPE),
    };
    let (mut months, mut days, mut nanos) = (0i64, 0i64, 0i64);
    let add = |sum: &mut i64, count: i64, unit: i64| -> Result<(), Fault> {
        *sum = count.checked_mul(unit).and_then(|n| sum.checked_add(n)).ok_or(RANGE)?;
        Ok(())
    };
    // The rank of the last designator: they come in falling order of size. `T` itself is rank 5.
    let mut rank = 0;
    let mut parts = 0;
    while let [first, after @ ..] = rest {
        if *first == b'T' && rank < 5 {
            (rank, rest) = (5, after);
            parts = 0;
            continue;
        }
        let part = Part::parse(rest)?;
        let (this, sum, unit) = match (rank >= 5, part.designator) {
            (false, b'Y') => (1, &mut months, 12),
            (false, b'M') => (2, &mut months, 1),
            (false, b'W') => (3, &mut days, 7),
            (false, b'D') => (4, &mut days, 1),
            (true, b'H') => (6, &mut nanos, 3_600_000_000_000),
            (true, b'M') => (7, &mut nanos, 60_000_000_000),
            (true, b'S') => (8, &mut nanos, 1_000_000_000),
            _ => return Err(SHAPE),
        };
        if this <= rank || (part.nanos.is_some() && this != 8) {
            return Err(SHAPE);
        }
        add(sum, part.count, unit)?;
        add(sum, part.nanos.unwrap_or(0), 1)?;
        (rank, rest) = (this, part.rest);
        parts += 1;
    }
    if parts == 0 {
        return Err(SHAPE);
    }
    let turn = |n: i64| if turned { n.checked_neg() } else { Some(n) };
    let narrow = |n: i64| turn(n).and_then(|n| i32::try_from(n).ok());
    match (narrow(months), narrow(days), turn(nanos)) {
        (Some(months), Some(days), Some(nanos)) => Ok(IntervalMonthDayNano::new(months, days, nanos)),
        _ => Err(RANGE),
    }
}

/// A number with its designator.
struct Part<'a> {
    count: i64,
    nanos: Option<i64>,
    designator: u8,
    rest: &'a [u8],
}

impl<'a> Part<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, Fault> {
        let (sign, mut rest) = match text {
            [b'-', rest @ ..] => (-1, rest),
            [b'+', rest @ ..] => (1, rest),
            rest => (1, rest),
        };
        let (mut count, mut digits) = (0i64, 0);
        while let [digit @ b'0'..=b'9', after @ ..] = rest {
            count = count.checked_mul(10).and_then(|n| n.checked_add(sign * i64::from(digit - b'0'))).ok_or(RANGE)?;
            (rest, digits) = (after, digits + 1);
        }
        if digits == 0 {
            return Err(SHAPE);
        }
        let mut nanos = None;
        if let [b'.' | b',', after @ ..] = rest {
            rest = after;
            let (mut sum, mut unit, mut digits) = (0, sign * 1_000_000_000, 0);
            while let [digit @ b'0'..=b'9', after @ ..] = rest {
                if digits == 9 {
                    return Err("more than nine digits of a second");
                }
                unit /= 10;
                sum += i64::from(digit - b'0') * unit;
                (rest, digits) = (after, digits + 1);
            }
            if digits == 0 {
                return Err(SHAPE);
            }
            nanos = Some(sum);
        }
        let [designator, rest @ ..] = rest else { return Err(SHAPE) };
        Ok(Self { count, nanos, designator: *designator, rest })
    }
}
