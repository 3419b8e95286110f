//! Types that JSON writes as strings: dates, times, intervals, UUIDs.
use super::input::{Input, Reason, Step};
use super::string::{self, Text};
use crate::text::Fault;

/// A string that `parse` makes a value of.
#[inline(never)]
pub(super) fn read<T>(
    values: &mut Vec<T>,
    input: &mut Input<'_>,
    pos: usize,
    what: &'static str,
    parse: fn(&[u8]) -> Result<T, Fault>,
) -> Step {
    if input.byte(pos) != Some(b'"') {
        return input.fail(pos, Reason::Expected(what));
    }
    let mut scratch = Text::default();
    let (text, end) = string::text(input, &mut scratch, pos + 1)?;
    match parse(text) {
        Ok(value) => values.push(value),
        Err(fault) => return input.fail(pos, Reason::Value(fault)),
    }
    Ok(end)
}
