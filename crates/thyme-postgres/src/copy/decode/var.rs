//! Texts and bytes: straight into one buffer with offsets.
use std::sync::Arc;

use thyme_core::arrow::array::{ArrayRef, BinaryArray, StringArray};
use thyme_core::arrow::buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use thyme_core::{Error, Kind, Result};

use super::Fault;

/// A column of texts or bytes.
#[derive(Debug)]
pub(super) struct Var {
    offsets: Vec<i32>,
    data: Vec<u8>,
    nulls: NullBufferBuilder,
}

impl Var {
    pub(super) fn new() -> Self {
        Self { offsets: vec![0], data: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Adds bytes as they are.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.data.extend_from_slice(bytes);
        self.close()
    }

    /// Adds what `write` makes; nothing but NULL if it refuses.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Fault>) -> Result<(), Fault> {
        let start = self.data.len();
        match write(&mut self.data) {
            Ok(()) => self.close(),
            Err(fault) => {
                self.data.truncate(start);
                if matches!(fault, Fault::Refused(_)) {
                    self.null();
                }
                Err(fault)
            }
        }
    }

    #[inline]
    pub(super) fn null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or_default());
        self.nulls.append_null();
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    fn close(&mut self) -> Result<(), Fault> {
        let end = i32::try_from(self.data.len()).map_err(|_| Fault::Broken("more than 2 GiB of text in one batch"))?;
        self.offsets.push(end);
        self.nulls.append_non_null();
        Ok(())
    }

    /// The texts, checked as one; those that are not UTF-8 are NULL, and listed.
    pub(super) fn texts(&mut self) -> Result<(ArrayRef, Vec<usize>)> {
        let (offsets, data, nulls) = self.finish();
        // Checks the whole buffer at once, then that no text begins within a character.
        match StringArray::try_new(offsets.clone(), data.clone(), nulls.clone()) {
            Ok(texts) => Ok((Arc::new(texts), Vec::new())),
            Err(_) => Ok(one_by_one(&offsets, &data, nulls.as_ref())),
        }
    }

    /// The bytes.
    pub(super) fn binaries(&mut self) -> Result<ArrayRef> {
        let (offsets, data, nulls) = self.finish();
        let array = BinaryArray::try_new(offsets, data, nulls);
        Ok(Arc::new(array.map_err(|e| Error::new(Kind::Unexpected, "the bytes do not make a column").source(e))?))
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        let mut offsets = Vec::with_capacity(self.offsets.len());
        offsets.push(0);
        let offsets = std::mem::replace(&mut self.offsets, offsets);
        let room = Vec::with_capacity(self.data.len());
        let data = std::mem::replace(&mut self.data, room);
        // They begin with 0 and never fall: `new` cannot panic.
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(data), self.nulls.finish())
    }
}

#[cold]
fn one_by_one(offsets: &OffsetBuffer<i32>, data: &Buffer, nulls: Option<&NullBuffer>) -> (ArrayRef, Vec<usize>) {
    let mut invalid = Vec::new();
    let texts = offsets.windows(2).enumerate().map(|(row, pair)| {
        let &[start, end] = pair else { return None };
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let text = simdutf8::basic::from_utf8(data.get(start as usize..end as usize).unwrap_or_default());
        if text.is_err() {
            invalid.push(row);
        }
        text.ok()
    });
    let texts: StringArray = texts.collect();
    (Arc::new(texts), invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thyme_core::arrow::array::Array;
    use thyme_core::arrow::array::cast::AsArray;

    #[test]
    fn bytes_that_are_not_utf8_cost_their_own_row_alone() {
        let mut column = Var::new();
        // The middle two make an `ä` between them, which neither is.
        for text in [&b"a"[..], b"\xc3", b"\xa4", b"\xc3\xa4"] {
            column.push(text).unwrap();
        }
        column.null();
        let (texts, invalid) = column.texts().unwrap();
        assert_eq!(invalid, [1, 2]);
        let texts: Vec<_> = texts.as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("a"), None, None, Some("ä"), None]);
        assert_eq!(column.texts().unwrap().0.len(), 0);
    }
}
