//! Floating-point numbers, correctly rounded.
use super::Fault;

const SHAPE: Fault = "not a number";
const RANGE: Fault = "beyond the range of the type";

/// An `f64`: a decimal number, or `NaN`, `inf` or `infinity` with or without a sign, in any case.
///
/// # Errors
/// Another shape, or a finite number beyond the type's range (`1e400`).
#[inline]
pub fn double(text: &[u8]) -> Result<f64, Fault> {
    let value: f64 = fast_float2::parse(text).map_err(|_| SHAPE)?;
    if value.is_infinite() && text.iter().any(u8::is_ascii_digit) { Err(RANGE) } else { Ok(value) }
}

/// An `f32`, rounded once from the text; see [`double`].
///
/// # Errors
/// As [`double`].
#[inline]
pub fn single(text: &[u8]) -> Result<f32, Fault> {
    let value: f32 = fast_float2::parse(text).map_err(|_| SHAPE)?;
    if value.is_infinite() && text.iter().any(u8::is_ascii_digit) { Err(RANGE) } else { Ok(value) }
}

/// `mantissa / 10^places`, correctly rounded, for at most 19 places: what a scanner has in hand after one pass over the digits.
#[inline]
#[must_use]
pub fn quotient(mantissa: u64, places: usize) -> Option<f64> {
    let power = *POWERS.get(places)?;
    if mantissa < 1 << 53 && places < EXACT.len() {
        // Both sides are exact, so the one division rounds once.
        return Some(mantissa as f64 / EXACT[places]);
    }
    Some(divide(mantissa, power))
}

/// `mantissa / power` by one division of 128 by 64 bits. The quotient has 64 or 65 significant bits, a lost remainder is kept as
/// its lowest one, so that the conversion to 53 bits rounds as if the quotient were whole.
fn divide(mantissa: u64, power: u64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    // The numerator ends up in [2^63, 2^64) * 2^shift and the power in (0, 2^64).
    let (up, down) = (mantissa.leading_zeros(), power.leading_zeros());
    let numerator = u128::from(mantissa << up) << 63;
    let divisor = u128::from(power << down);
    let quotient = numerator / divisor;
    let sticky = u128::from(numerator % divisor != 0);
    // 62 to 64 bits: at least nine below the 53 that stay, so the sticky bit never reaches the half.
    let rounded = ((quotient as u64) | sticky as u64) as f64;
    // Within 2^-63 to 2^64 the result is normal and scaling by a power of two is exact.
    rounded * power_of_two(down as i32 - up as i32 - 63)
}

/// `2^exponent` for an exponent of a normal number.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

const POWERS: [u64; 20] = {
    let (mut powers, mut i) = ([1; 20], 1);
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

const EXACT: [f64; 20] = {
    let (mut powers, mut i) = ([1.0; 20], 1);
    while i < 20 {
        powers[i] = powers[i - 1] * 10.0;
        i += 1;
    }
    powers
};
