//! Numbers read where they stand: the value and where it ends, if it ends at `mark`. Whatever looks different is left to the
//! general path, which also says what is wrong with it.
use crate::text::float;

const EIGHT: [u64; 2] = [0x3030_3030_3030_3030, 0x7676_7676_7676_7676];

/// The value of eight digits, if they are eight.
#[inline(always)]
fn eight(word: u64) -> Option<u64> {
    let values = word ^ EIGHT[0];
    if (values.wrapping_add(EIGHT[1]) | values) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    // Pairs, then fours, then eight; the first digit is the lowest byte.
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// Adds the digits from `at` to `value` and returns where they end. More than 19 in all overflow: count them.
#[inline(always)]
fn digits(block: &[u8], mut at: usize, value: &mut u64) -> usize {
    while let Some(more) = crate::text::swar::word(block, at).and_then(eight) {
        *value = value.wrapping_mul(100_000_000).wrapping_add(more);
        at += 8;
    }
    while let Some(digit) = block.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
        *value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

/// Whether a minus stands at `at`, and where the digits begin.
#[inline(always)]
fn sign(block: &[u8], at: usize) -> (bool, usize) {
    let negative = block.get(at) == Some(&b'-');
    (negative, at + usize::from(negative))
}

/// A whole number of at most 18 digits.
#[inline(always)]
pub(super) fn integer(block: &[u8], at: usize, mark: u8) -> Option<(i64, usize)> {
    let (negative, from) = sign(block, at);
    let mut value = 0;
    let end = digits(block, from, &mut value);
    if end == from || end - from > 18 || block.get(end) != Some(&mark) {
        return None;
    }
    Some((if negative { -(value as i64) } else { value as i64 }, end))
}

/// Digits with a point among them: sign, all digits as one number, how many stand behind the point, the end.
#[inline(always)]
fn point(block: &[u8], at: usize, mark: u8) -> Option<(bool, u64, usize, usize)> {
    let (negative, from) = sign(block, at);
    let mut value = 0;
    let mut end = digits(block, from, &mut value);
    let (mut count, mut places) = (end - from, 0);
    if count == 0 {
        return None;
    }
    if block.get(end) == Some(&b'.') {
        let behind = end + 1;
        end = digits(block, behind, &mut value);
        places = end - behind;
        count += places;
        if places == 0 {
            return None;
        }
    }
    (count <= 19 && block.get(end) == Some(&mark)).then_some((negative, value, places, end))
}

/// A decimal number of at most 19 digits without an exponent, as the nearest double.
#[inline(always)]
pub(super) fn double(block: &[u8], at: usize, mark: u8) -> Option<(f64, usize)> {
    let (negative, value, places, end) = point(block, at, mark)?;
    let size = float::quotient(value, places)?;
    Some((if negative { -size } else { size }, end))
}

/// A decimal number of at most 19 digits in all at the scale of its column, if it is below `limit`.
#[inline(always)]
pub(super) fn decimal(block: &[u8], at: usize, mark: u8, limit: i128, scale: i8) -> Option<(i128, usize)> {
    let (negative, value, places, end) = point(block, at, mark)?;
    let size = match usize::try_from(scale).ok()?.checked_sub(places)? {
        0 => i128::from(value),
        more => i128::from(value).checked_mul(10i128.checked_pow(more as u32)?)?,
    };
    (size < limit).then_some((if negative { -size } else { size }, end))
}
