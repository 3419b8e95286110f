//! `numeric`: digits to the base of 10,000, from decimal digits.
use thyme_core::bytes::{BufMut, BytesMut};

use super::Reason;

/// More digits than this on either side the server does not take.
const MOST_WHOLE: usize = 131_072;
const MOST_DECIMALS: usize = 16_383;

/// A decimal of Arrow: the text of its integer, and its scale.
pub(super) fn decimal(unscaled: &str, scale: i8, out: &mut BytesMut) -> Result<(), Reason> {
    let (negative, digits) = unscaled.strip_prefix('-').map_or((false, unscaled), |digits| (true, digits));
    shifted(negative, digits.as_bytes(), b"", -i64::from(scale), out)
}

/// A text such as `-12.50`, `1e-7`, `NaN`, `Infinity`.
pub(super) fn text(value: &str, out: &mut BytesMut) -> Result<(), Reason> {
    let trimmed = value.trim();
    let (negative, rest) = match trimmed.split_at_checked(1) {
        Some(("-", rest)) => (true, rest),
        Some(("+", rest)) => (false, rest),
        _ => (false, trimmed),
    };
    let special = match rest.to_ascii_lowercase().as_str() {
        "nan" if rest.len() == trimmed.len() => Some(0xC000),
        "inf" | "infinity" => Some(if negative { 0xF000 } else { 0xD000 }),
        _ => None,
    };
    if let Some(sign) = special {
        head(0, 0, sign, 0, out);
        return Ok(());
    }
    let none = || Reason::from("a text that is no number");
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let exponent: i64 = exponent.parse().map_err(|_| none())?;
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || whole.len() + decimals.len() == 0 {
        return Err(none());
    }
    shifted(negative, whole.as_bytes(), decimals.as_bytes(), exponent, out)
}

/// `whole.decimals` times ten to the power of `exponent`.
fn shifted(negative: bool, whole: &[u8], decimals: &[u8], exponent: i64, out: &mut BytesMut) -> Result<(), Reason> {
    const LARGE: Reason = Reason::Borrowed("a number with more digits than a numeric of the server");
    if exponent.unsigned_abs() > MOST_WHOLE as u64 || whole.len() + decimals.len() > MOST_WHOLE + MOST_DECIMALS {
        return Err(LARGE);
    }
    let mut digits = [whole, decimals].concat();
    // Where the point stands among the digits; zeros fill up to it.
    let mut point = whole.len() as i64 + exponent;
    if point < 0 {
        digits.splice(..0, std::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        point = 0;
    }
    let point = point as usize;
    if digits.len() < point {
        digits.resize(point, b'0');
    }
    let (whole, decimals) = digits.split_at(point);
    let shown = decimals.len();
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let whole = whole.get(zeros..).unwrap_or_default();
    if whole.len() > MOST_WHOLE || shown > MOST_DECIMALS {
        return Err(LARGE);
    }
    let lead = (4 - whole.len() % 4) % 4;
    let mut groups = Vec::with_capacity((lead + whole.len() + shown).div_ceil(4));
    let mut group = 0u16;
    let mut places = lead;
    for digit in whole.iter().chain(decimals) {
        group = group * 10 + u16::from(digit - b'0');
        places += 1;
        if places % 4 == 0 {
            groups.push(std::mem::take(&mut group));
        }
    }
    if places % 4 != 0 {
        groups.push(group * 10u16.pow(4 - (places % 4) as u32));
    }
    // The server keeps no zeros at either end.
    let first = groups.iter().take_while(|group| **group == 0).count();
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |last| last + 1);
    let kept = groups.get(first..last).unwrap_or_default();
    let weight = (lead + whole.len()) as i64 / 4 - 1 - first as i64;
    let (weight, sign) = if kept.is_empty() { (0, 0) } else { (weight, if negative { 0x4000 } else { 0 }) };
    head(kept.len() as u16, i16::try_from(weight).map_err(|_| LARGE)?, sign, shown as u16, out);
    kept.iter().for_each(|group| out.put_u16(*group));
    Ok(())
}

fn head(digits: u16, weight: i16, sign: u16, shown: u16, out: &mut BytesMut) {
    out.put_u16(digits);
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(shown);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(value: &str) -> Result<Vec<u16>, Reason> {
        let mut out = BytesMut::new();
        text(value, &mut out)?;
        Ok(out.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
    }

    #[test]
    fn groups_of_four_digits() {
        let minus = 0x4000;
        for (value, expected) in [
            ("0", &[0, 0, 0, 0][..]),
            ("-0.00", &[0, 0, 0, 2]),
            ("12.34", &[2, 0, 0, 2, 12, 3400]),
            ("-10002.5000", &[3, 1, minus, 4, 1, 2, 5000]),
            ("0.0000000100", &[1, 65534, 0, 10, 1]),
            ("00700000000", &[1, 2, 0, 0, 7]),
            ("1e4", &[1, 1, 0, 0, 1]),
            ("1.5E-3", &[1, 65535, 0, 4, 15]),
            (".5", &[1, 65535, 0, 1, 5000]),
            ("5.", &[1, 0, 0, 0, 5]),
            ("NaN", &[0, 0, 0xC000, 0]),
            ("-infinity", &[0, 0, 0xF000, 0]),
        ] {
            assert_eq!(words(value).unwrap(), expected, "{value}");
        }
        for value in ["", ".", "-", "1e", "1x", "--1", "1.2.3", "-nan", "1e999999999999", "0x10"] {
            assert!(words(value).is_err(), "{value}");
        }
        assert!(words(&"9".repeat(131_072)).is_ok());
        assert!(words(&"9".repeat(131_073)).is_err());
    }

    #[test]
    fn decimals_shift_by_their_scale() {
        let mut out = BytesMut::new();
        decimal("-5", 3, &mut out).unwrap();
        assert_eq!(out[..], [0, 1, 255, 255, 0x40, 0, 0, 3, 0, 50]);
    }
}
