//! `numeric`: digits to the base of 10,000, as decimals of Arrow or as text.
use std::io::Write;

use thyme_core::arrow::buffer::i256;

use super::Fault;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const MINUS_INFINITE: u16 = 0xF000;

struct Parts<'a> {
    /// Two bytes each.
    digits: &'a [u8],
    /// The first digit counts 10,000 to this power.
    weight: i32,
    sign: u16,
    /// Decimals shown.
    shown: u16,
}

impl<'a> Parts<'a> {
    #[inline]
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        const BROKEN: Fault = Fault::Broken("a numeric that is none");
        let Some((&[a, b, c, d, e, f, g, h], digits)) = bytes.split_first_chunk::<8>() else { return Err(BROKEN) };
        let (sign, shown) = (u16::from_be_bytes([e, f]), u16::from_be_bytes([g, h]));
        let known = matches!(sign, 0 | NEGATIVE | NAN | INFINITE | MINUS_INFINITE) && shown <= 0x3fff;
        if digits.len() != 2 * usize::from(u16::from_be_bytes([a, b])) || !known {
            return Err(BROKEN);
        }
        Ok(Self { digits, weight: i32::from(i16::from_be_bytes([c, d])), sign, shown })
    }

    #[inline]
    fn digits(&self) -> impl ExactSizeIterator<Item = Result<u16, Fault>> + 'a {
        self.digits.as_chunks::<2>().0.iter().map(|pair| match u16::from_be_bytes(*pair) {
            digit @ 0..10_000 => Ok(digit),
            _ => Err(Fault::Broken("a digit of a numeric that is none")),
        })
    }

    fn name(&self) -> Option<&'static str> {
        match self.sign {
            NAN => Some("NaN"),
            INFINITE => Some("Infinity"),
            MINUS_INFINITE => Some("-Infinity"),
            _ => None,
        }
    }
}

/// The integer behind a decimal of Arrow.
pub(super) trait Unscaled: Copy + Default + PartialOrd {
    /// `self * factor + addend`, if it fits. Neither is above 10,000.
    fn grown(self, factor: u16, addend: u16) -> Option<Self>;
    fn negated(self) -> Self;
}

impl Unscaled for i128 {
    #[inline]
    fn grown(self, factor: u16, addend: u16) -> Option<Self> {
        self.checked_mul(Self::from(factor))?.checked_add(Self::from(addend))
    }
    #[inline]
    fn negated(self) -> Self {
        -self
    }
}

impl Unscaled for i256 {
    fn grown(self, factor: u16, addend: u16) -> Option<Self> {
        self.checked_mul(Self::from(i64::from(factor)))?.checked_add(Self::from(i64::from(addend)))
    }
    fn negated(self) -> Self {
        self.wrapping_neg()
    }
}

/// The value times ten to the power of `scale`; `limit` is the first that has too many digits.
#[inline]
pub(super) fn decimal<T: Unscaled>(bytes: &[u8], scale: i8, limit: T) -> Result<T, Fault> {
    let parts = Parts::read(bytes)?;
    if let Some(name) = parts.name() {
        return Fault::refused(format!("{name}, which a decimal cannot hold: declare the field as string or float64"));
    }
    let mut value = T::default();
    let grow = |value: T, factor, addend| value.grown(factor, addend).map_or_else(too_large, Ok);
    // Tens that the last place of the digit at hand counts in the result.
    let mut tens = 4 * parts.weight + i32::from(scale);
    for digit in parts.digits() {
        let digit = digit?;
        value = match tens {
            0.. => grow(value, 10_000, digit)?,
            -3..0 => {
                let cut = 10u16.pow(tens.unsigned_abs());
                if digit % cut != 0 {
                    return too_fine(scale);
                }
                grow(value, 10_000 / cut, digit / cut)?
            }
            _ if digit != 0 => return too_fine(scale),
            _ => value,
        };
        tens -= 4;
    }
    if value != T::default() {
        for _ in 0..tens + 4 {
            value = grow(value, 10, 0)?;
        }
    }
    if value >= limit {
        return too_large();
    }
    Ok(if parts.sign == NEGATIVE { value.negated() } else { value })
}

#[cold]
fn too_large<T>() -> Result<T, Fault> {
    Fault::refused("a numeric with more digits than the field has")
}

#[cold]
fn too_fine<T>(scale: i8) -> Result<T, Fault> {
    Fault::refused(format!("a numeric with more than {scale} decimals"))
}

/// Every digit, as the server prints it.
pub(super) fn text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let parts = Parts::read(bytes)?;
    if let Some(name) = parts.name() {
        out.extend_from_slice(name.as_bytes());
        return Ok(());
    }
    if parts.sign == NEGATIVE {
        out.push(b'-');
    }
    let digits = parts.digits().collect::<Result<Vec<_>, _>>()?;
    let at = |index: i32| usize::try_from(index).ok().and_then(|index| digits.get(index)).copied().unwrap_or_default();
    // Writing to a vector does not fail.
    if parts.weight < 0 {
        out.push(b'0');
    } else {
        let _ = write!(out, "{}", at(0));
        for index in 1..=parts.weight {
            let _ = write!(out, "{:04}", at(index));
        }
    }
    if parts.shown > 0 {
        out.push(b'.');
        let end = out.len() + usize::from(parts.shown);
        let mut index = parts.weight + 1;
        while out.len() < end {
            let _ = write!(out, "{:04}", at(index));
            index += 1;
        }
        out.truncate(end);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(sign: u16, weight: i16, shown: u16, digits: &[u16]) -> Vec<u8> {
        let head = [digits.len() as u16, weight as u16, sign, shown];
        head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn digits_as_text_and_as_decimals() {
        for (bytes, shown, scale, value) in [
            (numeric(0, 0, 0, &[]), "0", 2, 0),
            (numeric(0, 0, 2, &[12, 3400]), "12.34", 2, 1234),
            (numeric(NEGATIVE, 1, 4, &[1, 2, 5000]), "-10002.5000", 4, -100_025_000),
            (numeric(0, -2, 10, &[1]), "0.0000000100", 10, 100),
            (numeric(0, 2, 0, &[7]), "700000000", 0, 700_000_000),
        ] {
            let mut out = Vec::new();
            text(&bytes, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), shown);
            assert_eq!(decimal(&bytes, scale, 10i128.pow(38)), Ok(value), "{shown}");
            assert_eq!(decimal(&bytes, scale, i256::from_i128(10).wrapping_pow(76)), Ok(i256::from_i128(value)), "{shown}");
        }
    }

    #[test]
    fn the_largest_decimal_fits_and_nothing_beyond() {
        // 28 digits before the point and 10 behind it: 40 with those that only fill up the base.
        let most = numeric(0, 6, 10, &[9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900]);
        assert_eq!(decimal(&most, 10, 10i128.pow(38)), Ok(10i128.pow(38) - 1));
        let more = numeric(0, 7, 0, &[1]);
        assert!(matches!(decimal(&more, 10, 10i128.pow(38)), Err(Fault::Refused(_))));
        let finer = numeric(0, -3, 11, &[1]);
        assert!(matches!(decimal(&finer, 10, 10i128.pow(38)), Err(Fault::Refused(_))));
        let huge = numeric(0, i16::MAX, 0, &[1]);
        assert!(matches!(decimal(&huge, 10, 10i128.pow(38)), Err(Fault::Refused(_))));
    }

    #[test]
    fn what_is_no_number_is_refused_and_what_is_no_numeric_is_broken() {
        let mut out = Vec::new();
        text(&numeric(NAN, 0, 0, &[]), &mut out).unwrap();
        assert_eq!(out, b"NaN");
        assert!(matches!(decimal(&numeric(NAN, 0, 0, &[]), 2, 10i128), Err(Fault::Refused(_))));
        for broken in [&numeric(1, 0, 0, &[])[..], &numeric(0, 0, 0, &[10_000]), &[0; 7], &[0, 1, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(matches!(decimal(broken, 2, 10i128), Err(Fault::Broken(_))));
            assert!(matches!(text(broken, &mut out), Err(Fault::Broken(_))));
        }
    }
}
