//! Decimals as Connect and Avro write them: big-endian two's complement, the scale apart.
use thyme_core::arrow::buffer::i256;

use crate::text::Fault;

const DIGITS: Fault = "more digits than the column has";
const PLACES: Fault = "more decimal places than the column has";

/// The number that big-endian two's complement `bytes` spell.
pub(crate) fn unscaled(bytes: &[u8]) -> Result<i256, Fault> {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xFF } else { 0 };
    let mut wide = [fill; 32];
    let (extra, digits) = bytes.split_at(bytes.len().saturating_sub(wide.len()));
    if extra.iter().any(|byte| *byte != fill) || digits.first().is_some_and(|byte| (byte & 0x80 != 0) != negative) {
        return Err("a decimal of more than 256 bits");
    }
    wide.iter_mut().rev().zip(digits.iter().rev()).for_each(|(to, from)| *to = *from);
    Ok(i256::from_be_bytes(wide))
}

/// `value` in big-endian two's complement, and where the bytes that are needed begin.
pub(crate) fn twos_complement(value: i256) -> ([u8; 32], usize) {
    let bytes = value.to_be_bytes();
    let fill = if value.is_negative() { 0xFF } else { 0 };
    let blank = bytes.iter().take_while(|byte| **byte == fill).count();
    // The sign must still be seen.
    let seen = bytes.get(blank).is_some_and(|byte| (byte & 0x80 != 0) == value.is_negative());
    (bytes, if seen { blank } else { blank.saturating_sub(1) })
}

/// An integer that decimals are made of.
pub(crate) trait Unscaled: Sized {
    /// `value` over ten to the `scale` as what a decimal of `precision` and `to` holds, exactly.
    fn scaled(value: i256, scale: i32, precision: u8, to: i8) -> Result<Self, Fault>;
}

impl Unscaled for i256 {
    fn scaled(value: i256, scale: i32, precision: u8, to: i8) -> Result<Self, Fault> {
        let shift = i32::from(to).checked_sub(scale).ok_or(DIGITS)?;
        let value = if value == Self::ZERO || shift == 0 {
            value
        } else if shift > 0 {
            value.checked_mul(power(shift.unsigned_abs()).ok_or(DIGITS)?).ok_or(DIGITS)?
        } else {
            // Beyond 76 digits nothing but a zero would be left.
            let unit = power(shift.unsigned_abs()).ok_or(PLACES)?;
            if value.checked_rem(unit) != Some(Self::ZERO) {
                return Err(PLACES);
            }
            value.checked_div(unit).ok_or(PLACES)?
        };
        let limit = power(u32::from(precision));
        if limit.is_some_and(|limit| value >= limit || value <= limit.wrapping_neg()) { Err(DIGITS) } else { Ok(value) }
    }
}

impl Unscaled for i128 {
    #[inline]
    fn scaled(value: i256, scale: i32, precision: u8, to: i8) -> Result<Self, Fault> {
        if scale == i32::from(to)
            && let Some(small) = value.to_i128()
        {
            let fits = 10u128.checked_pow(precision.into()).is_none_or(|limit| small.unsigned_abs() < limit);
            return if fits { Ok(small) } else { Err(DIGITS) };
        }
        i256::scaled(value, scale, precision, to)?.to_i128().ok_or(DIGITS)
    }
}

/// Ten to the `exponent`, up to 76.
fn power(exponent: u32) -> Option<i256> {
    if exponent > 76 { None } else { i256::from_i128(10).checked_pow(exponent) }
}

/// `value` over ten to the `scale` in digits, all of them.
pub(crate) fn text(value: i256, scale: i32) -> Result<String, Fault> {
    if scale.unsigned_abs() > 1000 {
        return Err("a decimal of more than 1000 places");
    }
    let digits = value.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let places = scale.unsigned_abs() as usize;
    if scale <= 0 {
        let zeros = if digits == "0" { 0 } else { places };
        return Ok(format!("{sign}{digits}{}", "0".repeat(zeros)));
    }
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    Ok(format!("{sign}{whole}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let mut value = i256::ONE;
        for _ in 0..255 {
            for value in [value, value.wrapping_neg(), value.wrapping_sub(i256::ONE), i256::ONE.wrapping_sub(value)] {
                let (bytes, start) = twos_complement(value);
                assert_eq!(unscaled(&bytes[start..]).unwrap(), value);
                assert_eq!(unscaled(&bytes).unwrap(), value);
                // Not one byte less would do.
                let shorter = bytes.get(start + 1..).filter(|rest| !rest.is_empty());
                assert!(shorter.is_none_or(|rest| unscaled(rest).unwrap() != value), "{value}");
            }
            value = value.wrapping_mul(i256::from_i128(2));
        }
        assert_eq!(unscaled(&[]).unwrap(), i256::ZERO);
        assert_eq!(unscaled(&[0xFF; 40]).unwrap(), i256::MINUS_ONE);
        assert!(unscaled(&[&[1][..], &[0; 32]].concat()).is_err());
        assert!(unscaled(&[&[0][..], &[0x80], &[0; 31]].concat()).is_err());
    }

    #[test]
    fn scales_change_without_a_loss() {
        let of = |value: i128, scale, precision, to| i128::scaled(i256::from_i128(value), scale, precision, to);
        assert_eq!(of(1234, 2, 10, 2), Ok(1234));
        assert_eq!(of(1234, 2, 10, 4), Ok(123_400));
        assert_eq!(of(1230, 2, 10, 1), Ok(123));
        assert_eq!(of(1234, 2, 10, 1), Err(PLACES));
        assert_eq!(of(5, -3, 10, 0), Ok(5000));
        assert_eq!(of(0, 1 << 30, 10, 0), Ok(0));
        assert_eq!(of(1, 1 << 30, 10, 0), Err(PLACES));
        assert_eq!(of(1, i32::MIN, 10, 0), Err(DIGITS));
        assert_eq!(of(9999, 0, 4, 0), Ok(9999));
        assert_eq!(of(10_000, 0, 4, 0), Err(DIGITS));
        assert_eq!(of(-10_000, 0, 4, 0), Err(DIGITS));
        assert_eq!(i256::scaled(i256::MAX, 0, 76, 0), Err(DIGITS));
    }

    #[test]
    fn digits_are_all_written() {
        let shown = |value: i128, scale| text(i256::from_i128(value), scale).unwrap();
        assert_eq!(shown(-1234, 2), "-12.34");
        assert_eq!(shown(-1, 3), "-0.001");
        assert_eq!(shown(0, 2), "0.00");
        assert_eq!(shown(12, 0), "12");
        assert_eq!(shown(12, -2), "1200");
        assert_eq!(shown(0, -2), "0");
        assert!(text(i256::ONE, i32::MAX).is_err());
    }
}
