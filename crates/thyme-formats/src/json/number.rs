//! Numbers as JSON writes them: stricter than other texts, and read in one pass.

/// A number as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    pub(crate) negative: bool,
    /// All digits, the point left out; only if `digits` is at most [`DIGITS`].
    pub(crate) mantissa: u64,
    /// How many digits there are, leading zeros counted.
    pub(crate) digits: usize,
    /// The value is `mantissa` times ten to this.
    pub(crate) exponent: i64,
    /// The position after the number.
    pub(crate) end: usize,
}

/// Digits that always fit `Number::mantissa`.
pub(crate) const DIGITS: usize = 19;

/// The number that begins at `pos`, or where it breaks the grammar.
#[inline(always)]
pub(crate) fn lex(bytes: &[u8], pos: usize) -> Result<Number, usize> {
    let negative = bytes.get(pos) == Some(&b'-');
    let start = pos + usize::from(negative);
    let mut mantissa = 0;
    let mut at = digits(bytes, start, &mut mantissa);
    let whole = at - start;
    if whole == 0 || (whole > 1 && bytes.get(start) == Some(&b'0')) {
        return Err(if whole == 0 { at } else { start });
    }
    let mut exponent = 0;
    let mut count = whole;
    let mut next = bytes.get(at).copied().unwrap_or(0);
    if next == b'.' {
        let point = at + 1;
        at = digits(bytes, point, &mut mantissa);
        let fraction = at - point;
        if fraction == 0 {
            return Err(at);
        }
        count += fraction;
        exponent = -(fraction as i64);
        next = bytes.get(at).copied().unwrap_or(0);
    }
    if next | 0x20 == b'e' {
        let (power, end) = power(bytes, at + 1)?;
        exponent = power.saturating_add(exponent);
        at = end;
    }
    Ok(Number { negative, mantissa, digits: count, exponent, end: at })
}

/// Appends the digits from `at` on to `mantissa`, which wraps if they are too many; the position after them.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    let mut value = *mantissa;
    while let Some(byte) = bytes.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    *mantissa = value;
    at
}

#[inline(never)]
fn power(bytes: &[u8], mut at: usize) -> Result<(i64, usize), usize> {
    let negative = bytes.get(at) == Some(&b'-');
    at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
    let start = at;
    let mut power = 0i64;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        power = power.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        at += 1;
    }
    if at == start { Err(at) } else { Ok((if negative { -power } else { power }, at)) }
}

/// An integer of at most 18 digits that is written without point and exponent, and the position after it.
#[inline(always)]
pub(crate) fn small(bytes: &[u8], pos: usize) -> Option<(i64, usize)> {
    let negative = bytes.get(pos) == Some(&b'-');
    let start = pos + usize::from(negative);
    let mut magnitude = 0;
    let end = digits(bytes, start, &mut magnitude);
    let count = end - start;
    if count == 0 || count > 18 || (count > 1 && bytes.get(start) == Some(&b'0')) {
        return None;
    }
    if let Some(b'.' | b'e' | b'E') = bytes.get(end) {
        return None;
    }
    let magnitude = magnitude as i64;
    Some((if negative { -magnitude } else { magnitude }, end))
}
