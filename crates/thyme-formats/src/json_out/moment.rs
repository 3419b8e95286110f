//! Dates, times and what lies between them as text.
use thyme_core::arrow::buffer::IntervalMonthDayNano;

use super::buffer::{self, Buf, Stop};
use super::number;

/// Days from 1970-01-01 to 0000-01-01 and to 10000-01-01.
const FIRST_DAY: i64 = -719_528;
const PAST_LAST_DAY: i64 = 2_932_897;

const PAIRS: [[u8; 2]; 100] = {
    let (mut pairs, mut i) = ([[0; 2]; 100], 0);
    while i < 100 {
        pairs[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    pairs
};

/// The two digits of a number below 100.
#[inline(always)]
fn pair(value: u32) -> [u8; 2] {
    PAIRS.get(value as usize).copied().unwrap_or([b'0'; 2])
}

/// Puts two digits at a place of a picture.
macro_rules! pairs {
    ($picture:ident, $($at:literal: $value:expr),+) => {$({
        let [tens, ones] = pair($value);
        $picture[$at] = tens;
        $picture[$at + 1] = ones;
    })+};
}

/// Year, month and day, if the year has four digits. (After Neri and Schneider: years that begin in March, and fractions of 2^32
/// or 2^16 for the divisions.)
#[inline(always)]
fn civil(days: i64) -> Option<(u32, u32, u32)> {
    if !(FIRST_DAY..PAST_LAST_DAY).contains(&days) {
        return None;
    }
    // Counted from 1 March of the year -400.
    let n = (days - FIRST_DAY + 146_097 - 60) as u32;
    let n1 = 4 * n + 3;
    let (century, in_century) = (n1 / 146_097, n1 % 146_097 / 4);
    let p = 2_939_745 * u64::from(4 * in_century + 3);
    let (year, day_of_year) = ((p >> 32) as u32, (p as u32) / 2_939_745 / 4);
    let n3 = 2_141 * day_of_year + 197_913;
    let (month, day) = (n3 >> 16, (n3 & 0xffff) / 2_141);
    let over = u32::from(day_of_year >= 306);
    Some(((100 * century + year + over).wrapping_sub(400), month - 12 * over, day + 1))
}

const RANGE: Stop = Stop::Bad("outside the years 0000 to 9999");

/// Writes a date, in quotes.
#[inline(always)]
pub(super) fn date(out: &mut Buf, at: usize, days: i32) -> Result<usize, Stop> {
    let (year, month, day) = civil(days.into()).ok_or(RANGE)?;
    let mut text = *b"\"0000-00-00\"    ";
    pairs!(text, 1: year / 100, 3: year % 100, 6: month, 9: day);
    buffer::block(out, at, &text, 12)
}

/// Writes a timestamp of microseconds with six digits, in quotes, with a `Z` unless it is local.
#[inline(always)]
pub(super) fn micros(out: &mut Buf, at: usize, micros: i64, local: bool) -> Result<usize, Stop> {
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) as u32);
    let mut text = picture(seconds)?;
    pairs!(text, 21: micros / 10_000, 23: micros / 100 % 100, 25: micros % 100);
    if local {
        text[27] = b'"';
        return buffer::block(out, at, &text, 28);
    }
    (text[27], text[28]) = (b'Z', b'"');
    buffer::block(out, at, &text, 29)
}

/// Writes a timestamp of nanoseconds with nine digits, in quotes, with a `Z` unless it is local.
pub(super) fn nanos(out: &mut Buf, at: usize, nanos: i64, local: bool) -> Result<usize, Stop> {
    let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000) as u32);
    let mut text = picture(seconds)?;
    pairs!(text, 21: nanos / 10_000_000, 23: nanos / 100_000 % 100, 25: nanos / 1_000 % 100, 27: nanos / 10 % 100);
    text[29] = b'0' + (nanos % 10) as u8;
    if local {
        text[30] = b'"';
        return buffer::block(out, at, &text, 31);
    }
    (text[30], text[31]) = (b'Z', b'"');
    buffer::block(out, at, &text, 32)
}

/// `"YYYY-MM-DDTHH:MM:SS.` and room for the fraction.
#[inline(always)]
fn picture(seconds: i64) -> Result<[u8; 32], Stop> {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
    let (year, month, day) = civil(days).ok_or(RANGE)?;
    let mut text = *b"\"0000-00-00T00:00:00.000000     ";
    pairs!(text, 1: year / 100, 3: year % 100, 6: month, 9: day);
    pairs!(text, 12: second / 3600, 15: second / 60 % 60, 18: second % 60);
    Ok(text)
}

/// Writes a time of day with six digits, in quotes.
pub(super) fn time(out: &mut Buf, at: usize, micros: i64) -> Result<usize, Stop> {
    if !(0..86_400_000_000).contains(&micros) {
        return Err(Stop::Bad("not a time of day"));
    }
    let (second, micros) = ((micros / 1_000_000) as u32, (micros % 1_000_000) as u32);
    let mut text = *b"\"00:00:00.000000\"               ";
    pairs!(text, 1: second / 3600, 4: second / 60 % 60, 7: second % 60);
    pairs!(text, 10: micros / 10_000, 12: micros / 100 % 100, 14: micros % 100);
    buffer::block(out, at, &text, 17)
}

/// Writes an interval as an ISO 8601 duration of months, days and seconds, in quotes; each part has its own sign.
pub(super) fn interval(out: &mut Buf, at: usize, interval: IntervalMonthDayNano) -> Result<usize, Stop> {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    let mut at = buffer::bytes(out, at, b"\"P")?;
    for (count, mark) in [(months, b'M'), (days, b'D')] {
        if count != 0 {
            at = number::signed(out, at, count.into())?;
            at = buffer::byte(out, at, mark)?;
        }
    }
    if nanoseconds != 0 || (months == 0 && days == 0) {
        at = buffer::byte(out, at, b'T')?;
        at = number::decimal128(out, at, nanoseconds.into(), 9)?;
        // A fraction of nothing but zeros is left out.
        if nanoseconds % 1_000_000_000 == 0 {
            at -= 10;
        }
        at = buffer::byte(out, at, b'S')?;
    }
    buffer::byte(out, at, b'"')
}
