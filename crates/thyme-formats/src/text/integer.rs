//! Whole numbers.
use super::Fault;

const SHAPE: Fault = "not a whole number";

/// An `i64`: an optional sign and digits.
///
/// # Errors
/// Another shape, or beyond 64 bits.
#[inline]
pub fn signed(text: &[u8]) -> Result<i64, Fault> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let size = magnitude(digits)?;
    let value = if negative { 0i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() };
    value.ok_or("beyond 64 bits")
}

/// A `u64`: an optional plus and digits; `-0` is zero.
///
/// # Errors
/// Another shape, below zero, or beyond 64 bits.
#[inline]
pub fn unsigned(text: &[u8]) -> Result<u64, Fault> {
    match text {
        [b'-', digits @ ..] => match magnitude(digits) {
            Ok(0) => Ok(0),
            Ok(_) | Err("beyond 64 bits") => Err("below zero"),
            Err(fault) => Err(fault),
        },
        [b'+', digits @ ..] => magnitude(digits),
        digits => magnitude(digits),
    }
}

#[inline]
fn magnitude(digits: &[u8]) -> Result<u64, Fault> {
    let mut value = 0u64;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(SHAPE);
    }
    if digits.len() < 20 {
        for digit in digits {
            value = value * 10 + u64::from(digit - b'0');
        }
        return Ok(value);
    }
    for digit in digits {
        value = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))).ok_or("beyond 64 bits")?;
    }
    Ok(value)
}
