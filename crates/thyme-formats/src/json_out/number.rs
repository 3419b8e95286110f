//! Numbers as text.
use thyme_core::arrow::buffer::i256;

use super::buffer::{self, Buf, Stop};

/// The eight digits of a number below 10^8, the first one lowest.
#[inline(always)]
fn eight(value: u32) -> u64 {
    // Fours, then pairs, then digits, all in one word.
    let fours = u64::from(value / 10_000) | u64::from(value % 10_000) << 32;
    let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = high | (fours - 100 * high) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (pairs - 10 * tens) << 8
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Writes a whole number.
#[inline(always)]
pub(super) fn unsigned(out: &mut Buf, at: usize, value: u64) -> Result<usize, Stop> {
    if value < 100_000_000 {
        return leading(out, at, value as u32);
    }
    let (high, low) = (value / 100_000_000, (value % 100_000_000) as u32);
    let at = if high < 100_000_000 {
        leading(out, at, high as u32)?
    } else {
        let at = leading(out, at, (high / 100_000_000) as u32)?;
        buffer::block(out, at, &(eight((high % 100_000_000) as u32) | ZEROS).to_le_bytes(), 8)?
    };
    buffer::block(out, at, &(eight(low) | ZEROS).to_le_bytes(), 8)
}

/// Writes a number below 10^8 without zeros in front.
#[inline(always)]
fn leading(out: &mut Buf, at: usize, value: u32) -> Result<usize, Stop> {
    let digits = eight(value);
    // The last digit stays even if it is zero.
    let zeros = (digits | 1 << 56).trailing_zeros() / 8;
    buffer::block(out, at, &((digits | ZEROS) >> (8 * zeros)).to_le_bytes(), 8 - zeros as usize)
}

/// Writes a whole number with its sign.
#[inline(always)]
pub(super) fn signed(out: &mut Buf, at: usize, value: i64) -> Result<usize, Stop> {
    let at = if value < 0 { buffer::byte(out, at, b'-')? } else { at };
    unsigned(out, at, value.unsigned_abs())
}

/// Writes a finite float with the fewest digits that read back as the same.
#[inline(always)]
pub(super) fn float<F: zmij::Float>(out: &mut Buf, at: usize, value: F) -> Result<usize, Stop> {
    let mut digits = zmij::Buffer::new();
    let text = digits.format_finite(value).as_bytes();
    // Two blocks that overlap are shorter work than a copy of a length known only now.
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        let end = at + text.len();
        buffer::block(out, at, first, 8)?;
        if text.len() > 16
            && let Some(middle) = text.get(8..).and_then(|t| t.first_chunk::<8>())
        {
            buffer::block(out, at + 8, middle, 8)?;
        }
        buffer::block(out, end - 8, last, 8)?;
        return Ok(end);
    }
    let mut short = [0; 8];
    for (to, from) in short.iter_mut().zip(text) {
        *to = *from;
    }
    buffer::block(out, at, &short, text.len())
}

/// Writes `value / 10^scale` with all its places.
#[inline]
pub(super) fn decimal128(out: &mut Buf, at: usize, value: i128, scale: i8) -> Result<usize, Stop> {
    let at = if value < 0 { buffer::byte(out, at, b'-')? } else { at };
    let size = value.unsigned_abs();
    if let Ok(small) = u64::try_from(size)
        && let Some(power) = u32::try_from(scale).ok().and_then(|scale| 10u64.checked_pow(scale))
    {
        let at = unsigned(out, at, small / power)?;
        if scale == 0 {
            return Ok(at);
        }
        // A one in front keeps the zeros behind the point; the point then takes its place.
        let end = match (small % power).checked_add(power) {
            Some(part) => unsigned(out, at, part)?,
            None => return pointed(out, at, &(small % power).to_string(), scale),
        };
        *out.get_mut(at).ok_or(Stop::Full)? = b'.';
        return Ok(end);
    }
    let digits = size.to_string();
    whole_and_part(out, at, &digits, scale)
}

/// Writes `value / 10^scale` with all its places.
pub(super) fn decimal256(out: &mut Buf, at: usize, value: i256, scale: i8) -> Result<usize, Stop> {
    let text = value.to_string();
    match text.strip_prefix('-') {
        Some(digits) => {
            let at = buffer::byte(out, at, b'-')?;
            whole_and_part(out, at, digits, scale)
        }
        None => whole_and_part(out, at, &text, scale),
    }
}

fn whole_and_part(out: &mut Buf, at: usize, digits: &str, scale: i8) -> Result<usize, Stop> {
    if scale <= 0 {
        let mut at = buffer::bytes(out, at, digits.as_bytes())?;
        for _ in 0..if digits == "0" { 0 } else { scale.unsigned_abs() } {
            at = buffer::byte(out, at, b'0')?;
        }
        return Ok(at);
    }
    match digits.len().checked_sub(scale.unsigned_abs().into()) {
        Some(split @ 1..) => {
            let (whole, part) = digits.split_at(split);
            let at = buffer::bytes(out, at, whole.as_bytes())?;
            pointed(out, at, part, scale)
        }
        _ => {
            let at = buffer::byte(out, at, b'0')?;
            pointed(out, at, digits, scale)
        }
    }
}

/// Writes a point and `digits` with as many zeros in front as `scale` asks for.
fn pointed(out: &mut Buf, at: usize, digits: &str, scale: i8) -> Result<usize, Stop> {
    let mut at = buffer::byte(out, at, b'.')?;
    for _ in digits.len()..scale.unsigned_abs().into() {
        at = buffer::byte(out, at, b'0')?;
    }
    buffer::bytes(out, at, digits.as_bytes())
}
