//! Columns of strings, raw JSON and bytes.
use thyme_core::arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::input::{Input, Reason, Step};
use super::skip;
use super::string::{self, Text};
use crate::text::base64;

/// Values of different length in one buffer, and where each ends.
#[derive(Debug, Default)]
pub(crate) struct Varying {
    bytes: Text,
    ends: Vec<i32>,
    last: Last,
    scratch: Text,
    decoded: Vec<u8>,
}

impl Varying {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The value of a row that there is.
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        let end = |row: usize| self.ends.get(row).map_or(0, |end| *end as usize);
        let start = row.checked_sub(1).map_or(0, end);
        self.bytes.bytes_from(start).get(..end(row) - start).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        let end = self.ends.last().copied().unwrap_or(0);
        self.bytes.truncate(usize::try_from(end).unwrap_or(0));
    }

    pub(crate) fn reserve(&mut self, rows: usize) {
        self.ends.reserve(rows + 1);
        self.bytes.reserve(self.last.expected(rows));
    }

    pub(crate) fn pad(&mut self) {
        self.end();
    }

    /// Ends a value. A block is too small for an offset that does not fit.
    #[inline(always)]
    fn end(&mut self) {
        self.ends.push(self.bytes.len() as i32);
    }

    /// A value that is there already.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.push(bytes);
        self.end();
    }

    /// A string.
    #[inline]
    pub(crate) fn text(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if input.byte(pos) != Some(b'"') {
            return input.fail(pos, Reason::Expected("a string"));
        }
        let end = self.bytes.read(input, pos + 1)?;
        self.end();
        Ok(end)
    }

    /// Any value, as text without white space between its tokens.
    #[inline(never)]
    pub(crate) fn json(&mut self, input: &mut Input<'_>, pos: usize, depth: u32) -> Step {
        let end = skip::copy(input, pos, depth, &mut self.bytes)?;
        self.end();
        Ok(end)
    }

    /// A string of base64.
    #[inline(never)]
    pub(crate) fn base64(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if input.byte(pos) != Some(b'"') {
            return input.fail(pos, Reason::Expected("bytes in base64"));
        }
        let (text, end) = string::text(input, &mut self.scratch, pos + 1)?;
        self.decoded.clear();
        if let Err(fault) = base64::decode(text, &mut self.decoded) {
            return input.fail(pos, Reason::Value(fault));
        }
        self.bytes.push(&self.decoded);
        self.end();
        Ok(end)
    }

    /// Offsets and bytes, and an empty column.
    pub(crate) fn take(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        self.last = Last { rows: self.ends.len(), inside: self.bytes.len() };
        let mut offsets = std::mem::take(&mut self.ends);
        offsets.insert(0, 0);
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(self.bytes.take()))
    }
}

/// How much the rows of the last batch had inside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Last {
    pub(crate) rows: usize,
    pub(crate) inside: usize,
}

impl Last {
    /// What `rows` more such rows will have inside, and a little more.
    pub(crate) fn expected(self, rows: usize) -> usize {
        let inside = (self.inside as u128 * rows as u128).checked_div(self.rows as u128).unwrap_or(0);
        usize::try_from(inside + inside / 16).unwrap_or(0)
    }
}
