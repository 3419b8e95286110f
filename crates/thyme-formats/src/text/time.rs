//! Times of day.
use super::Fault;

const SHAPE: Fault = "not a time (HH:MM:SS.ffffff)";

/// The microseconds from midnight to the time `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f…`; digits below a microsecond are dropped.
///
/// # Errors
/// Another shape, or a time that no day has (`24:00:00` and second 60 among them).
pub fn parse(text: &[u8]) -> Result<i64, Fault> {
    let (seconds, nanos, rest) = clock(text)?.ok_or(SHAPE)?;
    if rest.is_empty() { Ok(seconds * 1_000_000 + nanos / 1_000) } else { Err(SHAPE) }
}

/// Seconds of the day, nanoseconds of the second, and what follows the time.
pub(super) type Clock<'a> = (i64, i64, &'a [u8]);

/// The time at the front of `text`. `None`: it has no such shape.
#[inline]
pub(super) fn clock(text: &[u8]) -> Result<Option<Clock<'_>>, Fault> {
    let [h1, h0, b':', m1, m0, rest @ ..] = text else { return Ok(None) };
    let (Some(hour), Some(minute)) = (two(*h1, *h0), two(*m1, *m0)) else { return Ok(None) };
    let (second, rest) = match rest {
        [b':', s1, s0, rest @ ..] => match two(*s1, *s0) {
            Some(second) => (second, rest),
            None => return Ok(None),
        },
        rest => (0, rest),
    };
    if hour > 23 {
        return Err("the hour is not 00 to 23");
    }
    if minute > 59 {
        return Err("the minute is not 00 to 59");
    }
    if second > 59 {
        return Err("the second is not 00 to 59");
    }
    let (mut nanos, mut rest) = (0, rest);
    if let [b'.' | b',', digits @ ..] = rest {
        let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 {
            return Ok(None);
        }
        let (digits, after) = digits.split_at(length);
        let mut unit = 100_000_000;
        for digit in digits.iter().take(9) {
            nanos += i64::from(digit - b'0') * unit;
            unit /= 10;
        }
        rest = after;
    }
    Ok(Some((hour * 3600 + minute * 60 + second, nanos, rest)))
}

/// A number of two digits.
#[inline(always)]
pub(super) fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}
