//! Arrays, nested as deep as the field says.
use std::sync::Arc;

use thyme_core::arrow::array::{ArrayRef, ListArray};
use thyme_core::arrow::buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use thyme_core::arrow::datatypes::{DataType, Field};
use thyme_core::{Error, Kind, Result};

use super::Fault;
use super::column::Column;

const BROKEN: Fault = Fault::Broken("an array that is none");

/// A column of lists.
#[derive(Debug)]
pub(super) struct List {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    items: Box<Column>,
    /// Lists within each other, this one included.
    depth: usize,
}

impl List {
    pub(super) fn new(items: Column) -> Self {
        let depth = if let Column::List(inner) = &items { inner.depth + 1 } else { 1 };
        Self { offsets: vec![0], nulls: NullBufferBuilder::new(0), items: Box::new(items), depth }
    }

    /// Adds an array as the server sends it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let before = self.len();
        let result = self.fill(bytes);
        if matches!(result, Err(Fault::Refused(_))) && self.len() == before {
            self.null();
        }
        result
    }

    pub(super) fn null(&mut self) {
        self.offsets.push(self.items.len() as i32);
        self.nulls.append_null();
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn fill(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        let dimensions = word(&mut bytes)?;
        let (_nulls, _element) = (word(&mut bytes)?, word(&mut bytes)?);
        if dimensions == 0 {
            return if bytes.is_empty() { self.close() } else { Err(BROKEN) };
        }
        if !(1..=6).contains(&dimensions) {
            return Err(BROKEN);
        }
        let mut sizes = Vec::with_capacity(6);
        let mut first = Ok(());
        for _ in 0..dimensions {
            let (size, lower) = (word(&mut bytes)?, word(&mut bytes)?);
            // The server has no other empty array than that without dimensions; each item takes four bytes at least.
            sizes.push(usize::try_from(size).ok().filter(|size| *size > 0 && *size <= bytes.len()).ok_or(BROKEN)?);
            if lower != 1 {
                first = Fault::refused(format!("an array that begins at {lower}, not 1"));
            }
        }
        first?;
        if sizes.len() != self.depth {
            let text = format!("an array of {} dimensions in a field of {}", sizes.len(), self.depth);
            return Fault::refused(text);
        }
        self.level(&sizes, &mut bytes)?;
        if bytes.is_empty() { Ok(()) } else { Err(BROKEN) }
    }

    /// One list, of the first of `sizes`. It is read to its end and closed even if an item is refused.
    fn level(&mut self, sizes: &[usize], bytes: &mut &[u8]) -> Result<(), Fault> {
        let Some((&size, inner)) = sizes.split_first() else { return Err(BROKEN) };
        let mut refused = Ok(());
        for _ in 0..size {
            match self.item(inner, bytes) {
                Err(Fault::Refused(reason)) => refused = Err(Fault::Refused(reason)),
                done => done?,
            }
        }
        self.close()?;
        refused
    }

    fn item(&mut self, inner: &[usize], bytes: &mut &[u8]) -> Result<(), Fault> {
        if let Column::List(list) = self.items.as_mut() {
            return list.level(inner, bytes);
        }
        let length = word(bytes)?;
        if length == -1 {
            self.items.null();
            return Ok(());
        }
        let length = usize::try_from(length).map_err(|_| BROKEN)?;
        let (item, rest) = bytes.split_at_checked(length).ok_or(BROKEN)?;
        *bytes = rest;
        self.items.push(item)
    }

    fn close(&mut self) -> Result<(), Fault> {
        let end = i32::try_from(self.items.len()).map_err(|_| Fault::Broken("more than 2^31 items in one batch"))?;
        self.offsets.push(end);
        self.nulls.append_non_null();
        Ok(())
    }

    pub(super) fn finish(&mut self, field: &Field) -> Result<(ArrayRef, Vec<usize>)> {
        let DataType::List(item) = field.data_type() else {
            return Err(Error::new(Kind::Unexpected, "a list column without a list field"));
        };
        let (items, invalid) = self.items.finish(item)?;
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let row = |item: &usize| offsets.partition_point(|end| *end as usize <= *item).saturating_sub(1);
        let mut rows: Vec<usize> = invalid.iter().map(row).collect();
        rows.dedup();
        // They begin with 0 and never fall: `new` cannot panic.
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let list = ListArray::try_new(Arc::clone(item), offsets, items, self.nulls.finish());
        Ok((Arc::new(list.map_err(|e| Error::new(Kind::Unexpected, "the arrays do not make a column").source(e))?), rows))
    }
}

fn word(bytes: &mut &[u8]) -> Result<i32, Fault> {
    let (word, rest) = bytes.split_first_chunk::<4>().ok_or(BROKEN)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*word))
}
