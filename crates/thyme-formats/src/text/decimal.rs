//! Decimals of a fixed scale, exactly.
use thyme_core::arrow::buffer::i256;

use super::Fault;

const SHAPE: Fault = "not a decimal number";
const SCALE: Fault = "more decimal places than the column has";
const PRECISION: Fault = "more digits than the column has";

/// The unscaled value of a decimal with at most `precision` (1 to 38) digits, `scale` of them behind the point.
///
/// # Errors
/// Not a decimal number (an exponent is allowed), more digits than fit, or decimal places that would have to be rounded.
#[inline]
pub fn decimal128(text: &[u8], precision: u8, scale: i8) -> Result<i128, Fault> {
    let number = Number::parse(text)?;
    let (whole, part, zeros) = number.at_scale(i32::from(scale), usize::from(precision).min(38))?;
    let size = (digits128(whole, part) * 10u128.pow(zeros)) as i128;
    Ok(if number.negative { -size } else { size })
}

/// The unscaled value of a decimal with at most `precision` (1 to 76) digits, `scale` of them behind the point.
///
/// # Errors
/// As [`decimal128`].
pub fn decimal256(text: &[u8], precision: u8, scale: i8) -> Result<i256, Fault> {
    let number = Number::parse(text)?;
    let (whole, part, zeros) = number.at_scale(i32::from(scale), usize::from(precision).min(76))?;
    // At most 76 digits, so that nothing below wraps; at most 38 of them at a time.
    let mut size = i256::ZERO;
    for run in [whole, part] {
        for run in run.chunks(38) {
            size = size.wrapping_mul(power256(run.len() as u32)).wrapping_add(i256::from_i128(digits128(run, &[]) as i128));
        }
    }
    size = size.wrapping_mul(power256(zeros));
    Ok(if number.negative { size.wrapping_neg() } else { size })
}

/// The largest whole number that is at most `10^scale` times the number in `text`.
///
/// # Errors
/// Not a decimal number, or more than 38 digits.
pub fn floor(text: &[u8], scale: u32) -> Result<i128, Fault> {
    let number = Number::parse(text)?;
    let (whole, part, zeros, lost) = number.cut(scale as i32);
    if whole.len() + part.len() + zeros as usize > 38 {
        return Err(PRECISION);
    }
    let size = (digits128(whole, part) * 10u128.pow(zeros)) as i128;
    Ok(if number.negative { -size - i128::from(lost) } else { size })
}

/// A decimal number's text taken apart: `whole.part * 10^exponent`, without the zeros in front.
struct Number<'a> {
    negative: bool,
    whole: &'a [u8],
    part: &'a [u8],
    exponent: i32,
}

impl<'a> Number<'a> {
    #[inline]
    fn parse(text: &'a [u8]) -> Result<Self, Fault> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (whole, rest) = run(text);
        let (part, rest) = match rest {
            [b'.', rest @ ..] => run(rest),
            rest => (&[][..], rest),
        };
        if whole.is_empty() && part.is_empty() {
            return Err(SHAPE);
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return Err(SHAPE),
        };
        let zeros = whole.iter().take_while(|b| **b == b'0').count();
        Ok(Self { negative, whole: whole.get(zeros..).unwrap_or_default(), part, exponent })
    }

    /// The digits down to `10^-scale`, in two runs and with zeros to append; whether others than zeros come below.
    #[inline]
    fn cut(&self, scale: i32) -> (&'a [u8], &'a [u8], u32, bool) {
        let keep = scale.saturating_add(self.exponent);
        let (mut whole, mut part, mut lost) = (self.whole, self.part, false);
        let mut zeros = 0;
        if keep >= 0 {
            let keep = keep as usize;
            if let Some((kept, below)) = part.split_at_checked(keep) {
                part = kept;
                lost = nonzero(below);
            } else {
                zeros = (keep - part.len()) as u32;
            }
        } else {
            let keep = whole.len().saturating_sub(keep.unsigned_abs() as usize);
            let (kept, below) = whole.split_at_checked(keep).unwrap_or((whole, &[]));
            lost = nonzero(below) || nonzero(part);
            (whole, part) = (kept, &[]);
        }
        if whole.is_empty() {
            let blank = part.iter().take_while(|b| **b == b'0').count();
            part = part.get(blank..).unwrap_or_default();
            if part.is_empty() {
                zeros = 0;
            }
        }
        (whole, part, zeros, lost)
    }

    /// As [`cut`](Self::cut) with nothing lost and at most `precision` digits in all.
    #[inline]
    fn at_scale(&self, scale: i32, precision: usize) -> Result<(&'a [u8], &'a [u8], u32), Fault> {
        let (whole, part, zeros, lost) = self.cut(scale);
        if lost {
            return Err(SCALE);
        }
        if whole.len() + part.len() + zeros as usize > precision {
            return Err(PRECISION);
        }
        Ok((whole, part, zeros))
    }
}

#[inline]
fn run(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    text.split_at_checked(length).unwrap_or((text, &[]))
}

fn nonzero(digits: &[u8]) -> bool {
    digits.iter().any(|b| *b != b'0')
}

fn exponent(text: &[u8]) -> Result<i32, Fault> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(SHAPE);
    }
    // Beyond any precision long before it saturates; a zero stays a zero.
    let size = digits.iter().fold(0i32, |size, b| (size * 10 + i32::from(b - b'0')).min(100_000_000));
    Ok(if negative { -size } else { size })
}

/// The number that two runs of at most 38 digits together spell.
#[inline]
fn digits128(whole: &[u8], part: &[u8]) -> u128 {
    if whole.len() + part.len() <= 19 {
        let small = whole.iter().chain(part).fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
        return u128::from(small);
    }
    whole.iter().chain(part).fold(0, |n, b| n * 10 + u128::from(b - b'0'))
}

fn power256(exponent: u32) -> i256 {
    let small = |exponent| i256::from_i128(10i128.pow(exponent));
    if exponent <= 38 { small(exponent) } else { small(38).wrapping_mul(small((exponent - 38).min(38))) }
}
