//! Fields of the plain form: taken where they stand, without being cut out first.
use super::super::number;
use super::{Bytes, Column, Fixed, Values};
use crate::json;
use crate::raw::lanes::{self, LANES};
use crate::text::{date, timestamp};

impl Column {
    /// Takes the field at `at` if it is of the plain form and ends at `mark`; returns where that is. Nothing is taken otherwise.
    #[inline(always)]
    pub(in crate::csv) fn plain(&mut self, block: &[u8], at: usize, mark: u8) -> Option<usize> {
        macro_rules! number {
            ($values:expr, $found:expr) => {{
                if let Some((value, end)) = $found {
                    $values.push(value.try_into().ok()?);
                    return Some(end);
                }
            }};
        }
        if !self.null.is_empty()
            && block.get(at..).is_some_and(|rest| rest.starts_with(&self.null))
            && block.get(at + self.null.len()) == Some(&mark)
        {
            self.push_null();
            return Some(at + self.null.len());
        }
        match &mut self.values {
            Values::Int64(v) => number!(v, number::integer(block, at, mark)),
            Values::Float64(v) => number!(v, number::double(block, at, mark)),
            Values::Bytes(ends, bytes, kind @ (Bytes::Text | Bytes::Json)) => {
                let start = bytes.len();
                let end = if block.get(at) == Some(&self.quote) {
                    quoted_text(block, at, mark, self.quote, self.second, bytes)
                } else {
                    bare_text(block, at, mark, self.delimiter, self.quote, bytes, &self.null)
                };
                let fits = || matches!(kind, Bytes::Text) || bytes.get(start..).is_some_and(json::is_value);
                if let Some(end) = end.filter(|_| fits()) {
                    ends.push(bytes.len());
                    return Some(end);
                }
                bytes.truncate(start);
            }
            Values::Timestamp(v, stamp) if !stamp.nanos && !stamp.local => {
                if block.get(at + 27) == Some(&mark)
                    && let Some(text) = block.get(at..).and_then(<[u8]>::first_chunk)
                    && let Some(micros) = timestamp::micros_27(text)
                {
                    v.push(micros);
                    return Some(at + 27);
                }
            }
            Values::Int32(v) => number!(v, number::integer(block, at, mark)),
            Values::Bool(v) => {
                let rest = block.get(at..)?;
                if rest.first_chunk() == Some(b"true") && rest.get(4) == Some(&mark) {
                    v.push(true);
                    return Some(at + 4);
                }
                if rest.first_chunk() == Some(b"false") && rest.get(5) == Some(&mark) {
                    v.push(false);
                    return Some(at + 5);
                }
            }
            Values::Date(v) => {
                let end = at + 10;
                if block.get(end) == Some(&mark) {
                    v.push(date::parse(block.get(at..end)?).ok()?);
                    return Some(end);
                }
            }
            Values::Decimal128(v, Fixed { limit, scale, .. }) => number!(v, number::decimal(block, at, mark, *limit, *scale)),
            Values::Skip => return skipped(block, at, mark, self.delimiter, self.quote),
            Values::Int16(v) => number!(v, number::integer(block, at, mark)),
            Values::Int8(v) => number!(v, number::integer(block, at, mark)),
            Values::UInt64(v) => number!(v, number::integer(block, at, mark)),
            Values::UInt32(v) => number!(v, number::integer(block, at, mark)),
            Values::UInt16(v) => number!(v, number::integer(block, at, mark)),
            Values::UInt8(v) => number!(v, number::integer(block, at, mark)),
            _ => {}
        }
        if block.get(at) == Some(&mark) && self.null.is_empty() {
            self.push_null();
            return Some(at);
        }
        None
    }
}

/// Appends the bare text at `at` that ends at `mark` and is not NULL.
#[inline(always)]
fn bare_text(block: &[u8], at: usize, mark: u8, delimiter: u8, quote: u8, out: &mut Vec<u8>, null: &[u8]) -> Option<usize> {
    let mut end = at;
    while let Some(bytes) = lanes::at(block, end) {
        let found = lanes::any_of(bytes, [delimiter, b'\n', b'\r', quote]);
        let before = out.len();
        out.extend_from_slice(bytes);
        if found != 0 {
            let length = found.trailing_zeros() as usize;
            out.truncate(before + length);
            end += length;
            let text = block.get(at..end)?;
            return (block.get(end) == Some(&mark) && text != null).then_some(end);
        }
        end += LANES;
    }
    None
}

/// Appends the quoted text at `at` that ends at a quote and `mark` and has no line end in it. A doubled quote is one.
#[inline(always)]
fn quoted_text(block: &[u8], at: usize, mark: u8, quote: u8, second: u8, out: &mut Vec<u8>) -> Option<usize> {
    let mut end = at + 1;
    while let Some(bytes) = lanes::at(block, end) {
        let found = lanes::any_of(bytes, [quote, second, b'\n']);
        let before = out.len();
        out.extend_from_slice(bytes);
        if found != 0 {
            let length = found.trailing_zeros() as usize;
            end += length;
            match (block.get(end), block.get(end + 1)) {
                (Some(byte), Some(next)) if *byte == quote && *next == quote && second == quote => {
                    // The quote that was copied stays, the other one goes.
                    out.truncate(before + length + 1);
                    end += 2;
                    continue;
                }
                (Some(byte), Some(next)) if *byte == quote && *next == mark => {
                    out.truncate(before + length);
                    return Some(end + 1);
                }
                _ => return None,
            }
        }
        end += LANES;
    }
    None
}

/// Passes over the bare text at `at` that ends at `mark`.
#[inline(always)]
fn skipped(block: &[u8], at: usize, mark: u8, delimiter: u8, quote: u8) -> Option<usize> {
    let mut end = at;
    while let Some(bytes) = lanes::at(block, end) {
        let found = lanes::any_of(bytes, [delimiter, b'\n', b'\r', quote]);
        if found != 0 {
            end += found.trailing_zeros() as usize;
            return (block.get(end) == Some(&mark)).then_some(end);
        }
        end += LANES;
    }
    None
}
