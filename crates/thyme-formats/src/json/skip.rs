//! Values that no column takes, or one takes as text: checked as strictly as the others, without recursion.
use super::float;
use super::input::{DEPTH, Failed, Input, Reason, Step};
use super::number;
use super::string::{self, Text};

/// Passes over the value at `pos`, which lies within `depth` objects and arrays; the position after it.
pub(crate) fn skip(input: &mut Input<'_>, pos: usize, depth: u32) -> Step {
    walk(input, pos, depth, &mut ())
}

/// Whether `text` is one JSON value and nothing else. Its strings are not checked for UTF-8.
pub(crate) fn is_value(text: &[u8]) -> bool {
    let mut input = Input::new(text, false);
    let start = input.blank(0);
    skip(&mut input, start, 0).is_ok_and(|end| input.blank(end) == text.len())
}

/// As [`skip`], and appends the value to `text` without the white space between its tokens.
pub(crate) fn copy(input: &mut Input<'_>, pos: usize, depth: u32, text: &mut Text) -> Step {
    walk(input, pos, depth, text)
}

/// What becomes of the tokens.
trait Tokens {
    fn token(&mut self, bytes: &[u8]);
}

impl Tokens for () {
    fn token(&mut self, _: &[u8]) {}
}

impl Tokens for Text {
    fn token(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }
}

/// The objects (1) and arrays (0) around a place, innermost in the lowest bit.
struct Around {
    kinds: u128,
    levels: u32,
    outside: u32,
}

impl Around {
    fn enter(&mut self, input: &mut Input<'_>, pos: usize, object: bool) -> Result<(), Failed> {
        self.levels += 1;
        if self.levels + self.outside >= DEPTH {
            return too_deep(input, pos);
        }
        self.kinds = self.kinds << 1 | u128::from(object);
        Ok(())
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }

    fn leave(&mut self) {
        self.kinds >>= 1;
        self.levels -= 1;
    }
}

/// The fault of a value with too many levels, at the bracket that is one too many.
#[cold]
pub(crate) fn too_deep<T>(input: &mut Input<'_>, pos: usize) -> Result<T, Failed> {
    input.fail(pos, Reason::Because("nested more than 127 deep"))
}

fn walk(input: &mut Input<'_>, mut pos: usize, outside: u32, out: &mut impl Tokens) -> Step {
    let mut around = Around { kinds: 0, levels: 0, outside };
    loop {
        let start = pos;
        match input.byte(pos) {
            Some(open @ (b'{' | b'[')) => {
                around.enter(input, pos, open == b'{')?;
                pos = input.blank(pos + 1);
                let empty = input.byte(pos) == Some(if open == b'{' { b'}' } else { b']' });
                out.token(&[open]);
                if !empty {
                    if open == b'{' {
                        pos = key(input, pos, out)?;
                    }
                    continue;
                }
            }
            _ => {
                pos = scalar(input, pos)?;
                out.token(input.bytes.get(start..pos).unwrap_or_default());
            }
        }
        loop {
            if around.levels == 0 {
                return Ok(pos);
            }
            pos = input.blank(pos);
            match (input.byte(pos), around.in_object()) {
                (Some(b','), object) => {
                    out.token(b",");
                    pos = input.blank(pos + 1);
                    if object {
                        pos = key(input, pos, out)?;
                    }
                    break;
                }
                (Some(b'}'), true) => out.token(b"}"),
                (Some(b']'), false) => out.token(b"]"),
                (_, true) => return input.fail(pos, Reason::Expected("`,` or `}`")),
                (_, false) => return input.fail(pos, Reason::Expected("`,` or `]`")),
            }
            pos += 1;
            around.leave();
        }
    }
}

fn key(input: &mut Input<'_>, pos: usize, out: &mut impl Tokens) -> Step {
    if input.byte(pos) != Some(b'"') {
        return input.fail(pos, Reason::Expected("a key in quotes"));
    }
    let end = string::skip(input, pos + 1)?;
    out.token(input.bytes.get(pos..end).unwrap_or_default());
    let colon = colon(input, end)?;
    out.token(b":");
    Ok(colon)
}

/// Past the colon after a key.
#[inline]
pub(crate) fn colon(input: &mut Input<'_>, pos: usize) -> Step {
    let pos = input.blank(pos);
    if input.byte(pos) != Some(b':') {
        return input.fail(pos, Reason::Expected("`:`"));
    }
    Ok(input.blank(pos + 1))
}

/// The position after the string, number or literal at `pos`.
fn scalar(input: &mut Input<'_>, pos: usize) -> Step {
    match input.byte(pos) {
        Some(b'"') => string::skip(input, pos + 1),
        Some(b'-' | b'0'..=b'9') => match number::lex(input.bytes, pos) {
            Ok(number) => {
                let text = input.bytes.get(pos..number.end).unwrap_or_default();
                let large = number.exponent.saturating_add(number.digits as i64) > 300;
                if large && float::nearest(text, &number).is_none() {
                    return input.fail(pos, Reason::Value("too large for any number"));
                }
                Ok(number.end)
            }
            Err(at) => input.fail(at, Reason::Because(BAD_NUMBER)),
        },
        Some(b't') => literal(input, pos, b"true"),
        Some(b'f') => literal(input, pos, b"false"),
        Some(b'n') => literal(input, pos, b"null"),
        _ => input.fail(pos, Reason::Expected("a value")),
    }
}

/// What is said of a number that breaks the grammar.
pub(crate) const BAD_NUMBER: &str = "a number that is not written as JSON wants";

/// Past `word`, which the byte at `pos` promises.
#[inline]
pub(crate) fn literal(input: &mut Input<'_>, pos: usize, word: &'static [u8]) -> Step {
    match input.bytes.get(pos..pos + word.len()) {
        Some(found) if found == word => Ok(pos + word.len()),
        _ => input.fail(pos, Reason::Expected("a value")),
    }
}
