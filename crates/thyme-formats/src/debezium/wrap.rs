//! A message that brings its schema along: `{"schema":{…},"payload":…}`, in either order.
use std::ops::Range;

use super::cache::Cache;
use super::how::{more, open};
use crate::json::input::{Failed, Input, Reason, Step};
use crate::json::{skip, string};

/// Where the parts of a message stand.
#[derive(Debug)]
pub(super) struct Wrapped {
    pub(super) schema: Option<Known>,
    pub(super) payload: usize,
}

/// A schema: one that is remembered, or its text.
#[derive(Debug)]
pub(super) enum Known {
    At(usize),
    New(Range<usize>),
}

/// The parts of the object at `pos`; `None`: it is not wrapped.
pub(super) fn parts<T>(input: &mut Input<'_>, pos: usize, cache: &mut Cache<T>) -> Result<Option<Wrapped>, Failed> {
    let Some(pos) = open(input, pos)? else { return Ok(None) };
    let (first, at) = key(input, pos)?;
    match first {
        Key::Schema if matches!(input.byte(at), Some(b'{' | b'n')) => {
            let (schema, end) = schema(input, at, cache)?;
            let (true, pos) = more(input, end)? else { return Ok(None) };
            let (Key::Payload, payload) = key(input, pos)? else { return Ok(None) };
            Ok(Some(Wrapped { schema, payload }))
        }
        Key::Payload => {
            let payload = at;
            let end = skip::skip(input, at, 1)?;
            let (true, pos) = more(input, end)? else { return Ok(None) };
            let (Key::Schema, at) = key(input, pos)? else { return Ok(None) };
            if !matches!(input.byte(at), Some(b'{' | b'n')) {
                return Ok(None);
            }
            let (schema, end) = schema(input, at, cache)?;
            Ok((!more(input, end)?.0).then_some(Wrapped { schema, payload }))
        }
        _ => Ok(None),
    }
}

fn schema<T>(input: &mut Input<'_>, at: usize, cache: &mut Cache<T>) -> Result<(Option<Known>, usize), Failed> {
    if let Some((place, length)) = cache.find(input.bytes.get(at..).unwrap_or_default()) {
        return Ok((Some(Known::At(place)), at + length));
    }
    let end = skip::skip(input, at, 1)?;
    Ok(((input.byte(at) == Some(b'{')).then_some(Known::New(at..end)), end))
}

enum Key {
    Schema,
    Payload,
    Other,
}

/// A key, and where its value begins.
fn key(input: &mut Input<'_>, pos: usize) -> Result<(Key, usize), Failed> {
    if input.byte(pos) != Some(b'"') {
        return input.fail(pos, Reason::Expected("a key in quotes"));
    }
    let mut scratch = string::Text::default();
    let (name, end) = string::text(input, &mut scratch, pos + 1)?;
    let key = match name {
        b"schema" => Key::Schema,
        b"payload" => Key::Payload,
        _ => Key::Other,
    };
    Ok((key, skip::colon(input, end)?))
}

/// Past what follows a payload that ends at `pos`, to the end of the message.
pub(super) fn tail(input: &mut Input<'_>, mut pos: usize, wrapped: bool) -> Step {
    if wrapped {
        loop {
            let (goes_on, next) = more(input, pos)?;
            if !goes_on {
                pos = next;
                break;
            }
            let (_, at) = key(input, next)?;
            pos = skip::skip(input, at, 1)?;
        }
    }
    let end = input.blank(pos);
    if end < input.bytes.len() { input.fail(end, Reason::Expected("the end of the record")) } else { Ok(end) }
}
