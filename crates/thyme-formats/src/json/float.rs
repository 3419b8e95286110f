//! Floats, rounded as IEEE 754 wants: most of them without going over their digits again.
use super::number::{DIGITS, Number};
use crate::text::float;

/// The float nearest to `number`, written as `text`; `None` if that is infinite.
#[inline(always)]
pub(super) fn nearest(text: &[u8], number: &Number) -> Option<f64> {
    if number.digits <= DIGITS
        && number.exponent <= 0
        && let Some(value) = float::quotient(number.mantissa, number.exponent.unsigned_abs() as usize)
    {
        return Some(if number.negative { -value } else { value });
    }
    any(text)
}

#[inline(never)]
fn any(text: &[u8]) -> Option<f64> {
    float::double(text).ok()
}

/// The same in 32 bits.
pub(super) fn nearest32(text: &[u8]) -> Option<f32> {
    float::single(text).ok()
}
