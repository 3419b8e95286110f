//! One JSON value into one column, by what its schema says it means.
use crate::json::column::{Column, Values};
use crate::json::input::{Input, Reason, Step};
use crate::json::string::{self, Text};
use crate::json::{number, skip};
use crate::logical::{self, Meaning, unscaled};
use crate::text::{Fault, base64};

use super::members::Members;

/// How a value is read.
#[derive(Debug)]
pub(super) enum How {
    /// As the column reads JSON by itself.
    Plain,
    /// A whole number.
    Int(Meaning),
    /// A string.
    Text(Meaning),
    /// A number, or `"NaN"`, `"Infinity"`, `"-Infinity"`.
    Float,
    /// A string of base64.
    Base64(Meaning),
    /// A decimal with its scale: `{"scale":2,"value":"…"}`.
    Variable,
    List(Box<How>),
    Map(Box<How>),
    Struct(Members),
    /// By what stands there: a string, a number or bool, an array or object.
    Token(Box<[How; 3]>),
    /// Not at all: why.
    Ambiguous(&'static str),
}

/// Room for strings with escapes and for bytes.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    text: Text,
    bytes: Vec<u8>,
}

impl How {
    /// Reads the value at `pos`. On failure the column may have a value, or items, too many.
    #[inline]
    pub(super) fn read(&self, input: &mut Input<'_>, pos: usize, column: &mut Column, scratch: &mut Scratch) -> Step {
        if matches!(self, Self::Plain) || input.byte(pos) == Some(b'n') {
            return column.read(input, pos);
        }
        match self {
            Self::Plain => column.read(input, pos),
            Self::Int(meaning) => {
                let (value, end) = whole(input, pos)?;
                done(input, pos, logical::int(column, value, *meaning), end)
            }
            Self::Text(meaning) => {
                let (value, end) = text(input, pos, scratch)?;
                let put = logical::text(column, value, *meaning);
                done(input, pos, put, end)
            }
            Self::Float => float(input, pos, column),
            Self::Base64(meaning) => {
                let end = bytes(input, pos, scratch)?;
                done(input, pos, logical::bytes(column, &scratch.bytes, *meaning), end)
            }
            Self::Variable => variable(input, pos, column, scratch),
            Self::List(item) => list(item, input, pos, column, scratch),
            Self::Map(item) => map(item, input, pos, column, scratch),
            Self::Struct(members) => match column.values_mut() {
                Values::Struct(object, _) => {
                    let end = members.read(input, pos, object, scratch, None)?;
                    match object.end_row() {
                        Ok(()) => Ok(end),
                        Err(place) => {
                            let _: Step = input.fail(pos, Reason::Because("a value that must not be null is missing"));
                            Err(input.within(object.name(place)))
                        }
                    }
                }
                _ => input.fail(pos, Reason::Because("an object for a plain column")),
            },
            Self::Token(hows) => {
                let which = match input.byte(pos) {
                    Some(b'"') => 0,
                    Some(b'[' | b'{') => 2,
                    _ => 1,
                };
                match hows.get(which) {
                    Some(how) => how.read(input, pos, column, scratch),
                    None => Ok(pos),
                }
            }
            Self::Ambiguous(why) => input.fail(pos, Reason::Value(why)),
        }
    }
}

#[inline(always)]
fn done(input: &mut Input<'_>, pos: usize, put: Result<(), Fault>, end: usize) -> Step {
    match put {
        Ok(()) => Ok(end),
        Err(fault) => input.fail(pos, Reason::Value(fault)),
    }
}

/// A whole number of 64 bits.
#[inline]
fn whole(input: &mut Input<'_>, pos: usize) -> Result<(i64, usize), crate::json::input::Failed> {
    if let Some(found) = number::small(input.bytes, pos) {
        return Ok(found);
    }
    let end = match number::lex(input.bytes, pos) {
        Ok(number) => number.end,
        Err(_) => return input.fail(pos, Reason::Expected("a whole number")),
    };
    let text = input.bytes.get(pos..end).and_then(|text| str::from_utf8(text).ok());
    match text.and_then(|text| text.parse().ok()) {
        Some(value) => Ok((value, end)),
        None => input.fail(pos, Reason::Expected("a whole number of 64 bits")),
    }
}

fn text<'i: 's, 's>(
    input: &mut Input<'i>,
    pos: usize,
    scratch: &'s mut Scratch,
) -> Result<(&'s [u8], usize), crate::json::input::Failed> {
    if input.byte(pos) != Some(b'"') {
        return input.fail(pos, Reason::Expected("a string"));
    }
    string::text(input, &mut scratch.text, pos + 1)
}

/// A string of base64; its bytes are in `scratch` then.
fn bytes(input: &mut Input<'_>, pos: usize, scratch: &mut Scratch) -> Step {
    if input.byte(pos) != Some(b'"') {
        return input.fail(pos, Reason::Expected("bytes in base64"));
    }
    scratch.bytes.clear();
    let (text, end) = string::text(input, &mut scratch.text, pos + 1)?;
    let decoded = base64::decode(text, &mut scratch.bytes);
    done(input, pos, decoded, end)
}

fn float(input: &mut Input<'_>, pos: usize, column: &mut Column) -> Step {
    const NAMES: [(&[u8], f64); 3] =
        [(b"\"NaN\"", f64::NAN), (b"\"Infinity\"", f64::INFINITY), (b"\"-Infinity\"", f64::NEG_INFINITY)];
    let rest = input.bytes.get(pos..).unwrap_or_default();
    for (name, value) in NAMES {
        if rest.starts_with(name) {
            return done(input, pos, logical::float(column, value), pos + name.len());
        }
    }
    column.read(input, pos)
}

fn variable(input: &mut Input<'_>, pos: usize, column: &mut Column, scratch: &mut Scratch) -> Step {
    let (mut scale, mut found) = (None, false);
    let start = pos;
    let mut pos = open(input, pos)?;
    while let Some(at) = pos {
        let (key, after) = text(input, at, scratch)?;
        let which = (key == b"scale", key == b"value");
        let at = skip::colon(input, after)?;
        let end = match which {
            (true, _) => {
                let (value, end) = whole(input, at)?;
                scale = i32::try_from(value).ok();
                end
            }
            (_, true) => {
                found = true;
                bytes(input, at, scratch)?
            }
            _ => skip::skip(input, at, 4)?,
        };
        match more(input, end)? {
            (true, next) => pos = Some(next),
            (false, end) => {
                let (Some(scale), true) = (scale, found) else { break };
                let put = unscaled(&scratch.bytes).and_then(|value| logical::decimal(column, value, scale));
                return done(input, start, put, end);
            }
        }
    }
    input.fail(start, Reason::Expected("a decimal with scale and value"))
}

fn list(item: &How, input: &mut Input<'_>, pos: usize, column: &mut Column, scratch: &mut Scratch) -> Step {
    let Values::List(list) = column.values_mut() else {
        return input.fail(pos, Reason::Because("an array for a plain column"));
    };
    if input.byte(pos) != Some(b'[') {
        return input.fail(pos, Reason::Expected("an array"));
    }
    let mut pos = input.blank(pos + 1);
    if input.byte(pos) == Some(b']') {
        pos += 1;
    } else {
        loop {
            let end = item.read(input, pos, list.items(), scratch).map_err(|_| input.within("[]"))?;
            pos = input.blank(end);
            match input.byte(pos) {
                Some(b',') => pos = input.blank(pos + 1),
                Some(b']') => {
                    pos += 1;
                    break;
                }
                _ => return input.fail(pos, Reason::Expected("`,` or `]`")),
            }
        }
    }
    list.pad();
    Ok(pos)
}

fn map(item: &How, input: &mut Input<'_>, pos: usize, column: &mut Column, scratch: &mut Scratch) -> Step {
    let Values::Map(map) = column.values_mut() else {
        return input.fail(pos, Reason::Because("an object for a plain column"));
    };
    let mut end = input.blank(pos + 1) + 1;
    let mut next = open(input, pos)?;
    while let Some(at) = next {
        let (keys, values) = map.pair();
        let at = keys.read(input, at)?;
        let at = skip::colon(input, at)?;
        let after = item.read(input, at, values, scratch).map_err(|_| input.within("{}"))?;
        let (goes_on, at) = more(input, after)?;
        next = goes_on.then_some(at);
        end = at;
    }
    map.pad();
    Ok(end)
}

/// The first key of the object at `pos`; `None`: it is empty.
pub(super) fn open(input: &mut Input<'_>, pos: usize) -> Result<Option<usize>, crate::json::input::Failed> {
    if input.byte(pos) != Some(b'{') {
        return input.fail(pos, Reason::Expected("an object"));
    }
    let first = input.blank(pos + 1);
    Ok((input.byte(first) != Some(b'}')).then_some(first))
}

/// After a value of an object: the next key, or false and what follows the object.
#[inline]
pub(super) fn more(input: &mut Input<'_>, pos: usize) -> Result<(bool, usize), crate::json::input::Failed> {
    let pos = input.blank(pos);
    match input.byte(pos) {
        Some(b',') => Ok((true, input.blank(pos + 1))),
        Some(b'}') => Ok((false, pos + 1)),
        _ => input.fail(pos, Reason::Expected("`,` or `}`")),
    }
}
