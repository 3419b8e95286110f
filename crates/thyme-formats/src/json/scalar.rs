//! Booleans, integers and floats.
use super::float;
use super::input::{Input, Reason, Step};
use super::number;
use super::skip::BAD_NUMBER;
use crate::text::decimal;

#[inline]
pub(super) fn boolean(values: &mut Vec<bool>, input: &mut Input<'_>, pos: usize) -> Step {
    let rest = input.bytes.get(pos..).unwrap_or_default();
    if rest.starts_with(b"true") {
        values.push(true);
        return Ok(pos + 4);
    }
    if rest.starts_with(b"false") {
        values.push(false);
        return Ok(pos + 5);
    }
    input.fail(pos, Reason::Expected("a bool"))
}

/// A whole number that fits `T`; 1.0 and 1e2 are whole.
#[inline]
pub(super) fn int<T: TryFrom<i64> + TryFrom<i128>>(
    values: &mut Vec<T>,
    input: &mut Input<'_>,
    pos: usize,
    what: &'static str,
    range: &'static str,
) -> Step {
    if let Some((value, end)) = number::small(input.bytes, pos)
        && let Ok(value) = T::try_from(value)
    {
        values.push(value);
        return Ok(end);
    }
    odd(values, input, pos, what, range)
}

#[inline(never)]
fn odd<T: TryFrom<i128>>(
    values: &mut Vec<T>,
    input: &mut Input<'_>,
    pos: usize,
    what: &'static str,
    range: &'static str,
) -> Step {
    if !begins(input, pos) {
        return input.fail(pos, Reason::Expected(what));
    }
    let number = match number::lex(input.bytes, pos) {
        Ok(number) => number,
        Err(at) => return input.fail(at, Reason::Because(BAD_NUMBER)),
    };
    let text = input.bytes.get(pos..number.end).unwrap_or_default();
    match decimal::decimal128(text, 38, 0) {
        Ok(value) => match T::try_from(value) {
            Ok(value) => values.push(value),
            Err(_) => return input.fail(pos, Reason::Value(range)),
        },
        // A fraction, or more digits than any integer has.
        Err(_) if decimal::floor(text, 0).is_ok() => return input.fail(pos, Reason::Expected(what)),
        Err(_) => return input.fail(pos, Reason::Value(range)),
    }
    Ok(number.end)
}

#[inline]
pub(super) fn float64(values: &mut Vec<f64>, input: &mut Input<'_>, pos: usize) -> Step {
    match number::lex(input.bytes, pos) {
        Ok(number) => {
            let text = input.bytes.get(pos..number.end).unwrap_or_default();
            match float::nearest(text, &number) {
                Some(value) => values.push(value),
                None => return input.fail(pos, Reason::Value("out of range for a float64")),
            }
            Ok(number.end)
        }
        Err(at) => no_float(input, pos, at),
    }
}

#[inline(never)]
pub(super) fn float32(values: &mut Vec<f32>, input: &mut Input<'_>, pos: usize) -> Step {
    match number::lex(input.bytes, pos) {
        Ok(number) => {
            let text = input.bytes.get(pos..number.end).unwrap_or_default();
            match float::nearest32(text) {
                Some(value) => values.push(value),
                None => return input.fail(pos, Reason::Value("out of range for a float32")),
            }
            Ok(number.end)
        }
        Err(at) => no_float(input, pos, at),
    }
}

#[cold]
fn no_float(input: &mut Input<'_>, pos: usize, at: usize) -> Step {
    if begins(input, pos) { input.fail(at, Reason::Because(BAD_NUMBER)) } else { input.fail(pos, Reason::Expected("a number")) }
}

/// Whether a number seems to begin at `pos`.
pub(super) fn begins(input: &Input<'_>, pos: usize) -> bool {
    matches!(input.byte(pos), Some(b'-' | b'0'..=b'9'))
}
