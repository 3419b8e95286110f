//! Timestamps: text, or a number since the epoch.
use std::sync::Arc;

use super::input::{Input, Reason, Step};
use super::number;
use super::scalar::begins;
use super::skip::BAD_NUMBER;
use super::string::{self, Text};
use crate::TimestampUnit;
use crate::text::timestamp;

/// Micro- or nanoseconds since 1970.
#[derive(Debug)]
pub(crate) struct Instants {
    pub(crate) values: Vec<i64>,
    pub(crate) nanos: bool,
    pub(crate) zone: Option<Arc<str>>,
    /// What a number counts.
    unit: TimestampUnit,
    scratch: Text,
}

/// What most programs write, without its quotes.
const USUAL: usize = "2024-05-06T07:08:09.123456Z".len();

impl Instants {
    pub(crate) fn new(nanos: bool, zone: Option<Arc<str>>, unit: TimestampUnit) -> Self {
        Self { values: Vec::new(), nanos, zone, unit, scratch: Text::default() }
    }

    #[inline]
    pub(crate) fn read(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if let Some([b'"', usual @ .., b'"']) = input.bytes.get(pos..).and_then(|rest| rest.first_chunk::<{ USUAL + 2 }>())
            && self.zone.is_some()
            && !self.nanos
            && let Some(micros) = timestamp::micros_27(usual)
        {
            self.values.push(micros);
            return Ok(pos + USUAL + 2);
        }
        if input.byte(pos) == Some(b'"') { self.text(input, pos) } else { self.number(input, pos) }
    }

    #[inline(never)]
    fn text(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        let (text, end) = string::text(input, &mut self.scratch, pos + 1)?;
        let value = match (self.nanos, &self.zone) {
            (false, Some(_)) => timestamp::micros(text),
            (true, Some(_)) => timestamp::nanos(text),
            (false, None) => timestamp::local_micros(text),
            (true, None) => timestamp::local_nanos(text),
        };
        match value {
            Ok(value) => self.values.push(value),
            Err(fault) => return input.fail(pos, Reason::Value(fault)),
        }
        Ok(end)
    }

    #[inline(never)]
    fn number(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if !begins(input, pos) {
            return input.fail(pos, Reason::Expected("a timestamp"));
        }
        let number = match number::lex(input.bytes, pos) {
            Ok(number) => number,
            Err(at) => return input.fail(at, Reason::Because(BAD_NUMBER)),
        };
        let text = input.bytes.get(pos..number.end).unwrap_or_default();
        let parse = if self.nanos { timestamp::number_nanos } else { timestamp::number_micros };
        match parse(text, self.unit) {
            Ok(value) => self.values.push(value),
            Err(fault) => return input.fail(pos, Reason::Value(fault)),
        }
        Ok(number.end)
    }
}
