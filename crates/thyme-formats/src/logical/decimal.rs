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
