//! Dates of the proleptic Gregorian calendar, years 0000 to 9999.
use super::{Fault, swar};

const PICTURE: swar::Picture = swar::Picture::new(b"0000-00-");
const SHAPE: Fault = "not a date (YYYY-MM-DD)";
pub(super) const MONTH: Fault = "the month is not 01 to 12";
pub(super) const DAY: Fault = "the month does not have that day";

/// The days from 1970-01-01 to the date `YYYY-MM-DD`.
///
/// # Errors
/// Another shape, or a day that the calendar does not have.
pub fn parse(text: &[u8]) -> Result<i32, Fault> {
    let (Some(head), [_, _, _, _, _, _, _, _, tens, ones]) = (swar::word(text, 0), text) else { return Err(SHAPE) };
    let (head, fits) = PICTURE.digits(head);
    if !fits || !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return Err(SHAPE);
    }
    let day = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    let (year, month) = year_and_month(swar::pairs(head));
    days(year, month, day).ok_or(if (1..=12).contains(&month) { DAY } else { MONTH })
}

/// Year and month from the pairs of `YYYY-MM-`.
#[inline(always)]
pub(super) fn year_and_month(pairs: u64) -> (u32, u32) {
    (swar::byte(pairs, 0) * 100 + swar::byte(pairs, 2), swar::byte(pairs, 5))
}

/// The days from 1970-01-01 to a date, if the calendar has it; `year` is at most 9999.
#[inline(always)]
pub(super) fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    /// Days of the months, and days of a common year before them.
    const MONTHS: [(u8, u16); 16] = {
        let mut months = [(0, 0); 16];
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut month, mut before) = (1, 0);
        while month <= 12 {
            months[month] = (lengths[month - 1], before);
            before += lengths[month - 1] as u16;
            month += 1;
        }
        months
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (length, before) = MONTHS[(month & 15) as usize];
    if day == 0 || month > 15 || day > u32::from(length) + u32::from(leap && month == 2) {
        return None;
    }
    // Years before this one, with the leap days they had; year 0 was a leap year.
    let past = year.wrapping_sub(1) as i32;
    let leaps = if year == 0 { 0 } else { past / 4 - past / 100 + past / 400 + 1 };
    let in_year = u32::from(before) + day - 1 + u32::from(leap && month > 2);
    Some(year as i32 * 365 + leaps + in_year as i32 - 719_528)
}
