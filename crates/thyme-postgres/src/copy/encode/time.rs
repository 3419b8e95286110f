//! Dates, times, timestamps, intervals.
use thyme_core::arrow::buffer::IntervalMonthDayNano;
use thyme_core::bytes::{BufMut, BytesMut};

use super::Reason;
use crate::copy::{DAY_MICROS, EPOCH_DAYS, EPOCH_MICROS};

/// 4714-11-24 BC, the first day of the server, in days since 2000.
const FIRST_DAY: i32 = -2_451_545;
/// The day after 5874897-12-31, the server's last date.
const END_DAY: i32 = 2_145_031_949;
/// The microsecond after 294276-12-31, the server's last timestamp.
const END_MICROS: i64 = 9_223_371_331_200_000_000;

/// The largest and the smallest number are the infinities.
pub(super) fn date(days: i32, out: &mut BytesMut) -> Result<(), Reason> {
    let server = if days == i32::MAX || days == i32::MIN {
        days
    } else {
        let days = days.checked_sub(EPOCH_DAYS).filter(|days| (FIRST_DAY..END_DAY).contains(days));
        days.ok_or("a date that the server does not have")?
    };
    out.put_i32(server);
    Ok(())
}

pub(super) fn time(micros: i64, out: &mut BytesMut) -> Result<(), Reason> {
    if !(0..=DAY_MICROS).contains(&micros) {
        return Err("a time that is not within a day".into());
    }
    out.put_i64(micros);
    Ok(())
}

/// The largest and the smallest number are the infinities.
pub(super) fn timestamp(micros: i64, out: &mut BytesMut) -> Result<(), Reason> {
    let server = if micros == i64::MAX || micros == i64::MIN {
        micros
    } else {
        let first = i64::from(FIRST_DAY) * DAY_MICROS;
        let micros = micros.checked_sub(EPOCH_MICROS).filter(|micros| (first..END_MICROS).contains(micros));
        micros.ok_or("a timestamp that the server does not have")?
    };
    out.put_i64(server);
    Ok(())
}

/// Seconds or milliseconds.
pub(super) fn coarse(value: i64, micros: i64, out: &mut BytesMut) -> Result<(), Reason> {
    let infinite = value == i64::MAX || value == i64::MIN;
    let value = if infinite { Some(value) } else { value.checked_mul(micros) };
    timestamp(value.ok_or("a timestamp that the server does not have")?, out)
}

pub(super) fn nanos(value: i64, out: &mut BytesMut) -> Result<(), Reason> {
    if value == i64::MAX || value == i64::MIN {
        return timestamp(value, out);
    }
    if value % 1000 != 0 {
        return Err("a timestamp with nanoseconds: the server counts in microseconds".into());
    }
    timestamp(value / 1000, out)
}

pub(super) fn interval(value: IntervalMonthDayNano, out: &mut BytesMut) -> Result<(), Reason> {
    if value.nanoseconds % 1000 != 0 {
        return Err("an interval with nanoseconds: the server counts in microseconds".into());
    }
    out.put_i64(value.nanoseconds / 1000);
    out.put_i32(value.days);
    out.put_i32(value.months);
    Ok(())
}

/// `23:59:59.5+02:30`.
pub(super) fn timetz(value: &str, out: &mut BytesMut) -> Result<(), Reason> {
    let (micros, west) = parse(value).ok_or("a text that is no time with a zone such as `12:30:00+02`")?;
    out.put_i64(micros);
    out.put_i32(west);
    Ok(())
}

fn parse(value: &str) -> Option<(i64, i32)> {
    let at = value.find(['+', '-', 'Z', 'z'])?;
    let (clock, zone) = value.split_at_checked(at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let digits = fraction.bytes().filter(u8::is_ascii_digit).count();
    if digits != fraction.len() || digits > 6 {
        return None;
    }
    let micros = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()? * 10i64.pow(6 - digits as u32) };
    let micros = i64::from(seconds(clock, 24, 2)?) * 1_000_000 + micros;
    let west = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        ("+", offset) => -seconds(offset, 15, 1)?,
        ("-", offset) => seconds(offset, 15, 1)?,
        _ => return None,
    };
    (micros <= DAY_MICROS).then_some((micros, west))
}

/// `h`, `h:m` or `h:m:s` with two digits each, of at least `least` parts.
fn seconds(text: &str, most_hours: i32, least: usize) -> Option<i32> {
    let mut total = 0;
    let mut count = 0;
    for (part, (factor, most)) in text.split(':').zip([(3600, most_hours), (60, 59), (1, 59)]) {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        total += part.parse().ok().filter(|number| digits && (0..=most).contains(number))? * factor;
        count += 1;
    }
    (count >= least && count == text.split(':').count()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_zone() {
        assert_eq!(parse("00:00:00+00"), Some((0, 0)));
        assert_eq!(parse("12:34:56.789-02:30"), Some((45_296_789_000, 9000)));
        assert_eq!(parse("24:00:00Z"), Some((DAY_MICROS, 0)));
        assert_eq!(parse("23:59+15:59:59"), Some((86_340_000_000, -57_599)));
        for text in
            ["", "12:00:00", "25:00:00+00", "24:00:01+00", "1:00:00+00", "12:00:00.1234567+00", "12:00:00+2", "12:60:00+00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_the_server_has_and_no_more() {
        let mut out = BytesMut::new();
        for micros in [i64::MAX, i64::MIN, i64::MAX - 1, i64::from(FIRST_DAY) * DAY_MICROS + EPOCH_MICROS] {
            assert!(timestamp(micros, &mut out).is_ok(), "{micros}");
        }
        assert!(timestamp(i64::MIN + 1, &mut out).is_err());
        assert!(timestamp(i64::from(FIRST_DAY) * DAY_MICROS + EPOCH_MICROS - 1, &mut out).is_err());
        assert!(date(FIRST_DAY + EPOCH_DAYS, &mut out).is_ok() && date(FIRST_DAY + EPOCH_DAYS - 1, &mut out).is_err());
        assert!(date(END_DAY + EPOCH_DAYS - 1, &mut out).is_ok() && date(END_DAY + EPOCH_DAYS, &mut out).is_err());
        assert!(nanos(1001, &mut out).is_err() && nanos(-1000, &mut out).is_ok());
        assert!(coarse(i64::MAX - 1, 1000, &mut out).is_err());
    }
}
