//! Lists, maps and structs.
use std::collections::HashMap;
use std::sync::Arc;

use thyme_core::Result;
use thyme_core::arrow::array::{ArrayRef, ListArray, MapArray, StructArray};
use thyme_core::arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use thyme_core::arrow::datatypes::{FieldRef, Fields};

use super::column::{Column, Values, broken};
use super::input::{DEPTH, Failed, Input, Reason, Step};
use super::object::Object;
use super::skip;
use super::string;
use super::varying::{Last, Varying};

/// A list column.
#[derive(Debug)]
pub(crate) struct List {
    items: Column,
    ends: Vec<i32>,
    field: FieldRef,
    depth: u32,
    last: Last,
}

impl List {
    pub(crate) fn new(items: Column, field: FieldRef, depth: u32) -> Self {
        Self { items, ends: Vec::new(), field, depth, last: Last::default() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.items.truncate(last(&self.ends));
    }

    pub(crate) fn reserve(&mut self, rows: usize) {
        self.ends.reserve(rows + 1);
        self.items.reserve(self.last.expected(rows));
    }

    pub(crate) fn pad(&mut self) {
        self.ends.push(self.items.len() as i32);
    }

    /// The items, to push some; `pad` ends the list.
    pub(crate) fn items(&mut self) -> &mut Column {
        &mut self.items
    }

    pub(crate) fn read(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if input.byte(pos) != Some(b'[') {
            return input.fail(pos, Reason::Expected("an array"));
        }
        if self.depth >= DEPTH {
            return skip::too_deep(input, pos);
        }
        let mut pos = input.blank(pos + 1);
        if input.byte(pos) == Some(b']') {
            pos += 1;
        } else {
            loop {
                pos = match self.items.read(input, pos) {
                    Ok(after) => input.blank(after),
                    Err(_) => return Err(input.within("[]")),
                };
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
        self.pad();
        Ok(pos)
    }

    pub(crate) fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        self.last = Last { rows: self.ends.len(), inside: self.items.len() };
        let offsets = offsets(&mut self.ends);
        let items = self.items.finish()?;
        Ok(Arc::new(ListArray::try_new(Arc::clone(&self.field), offsets, items, nulls).map_err(broken)?))
    }
}

/// A column of maps from strings.
#[derive(Debug)]
pub(crate) struct Map {
    keys: Column,
    values: Column,
    ends: Vec<i32>,
    entries: FieldRef,
    fields: Fields,
    ordered: bool,
    depth: u32,
    last: Last,
}

impl Map {
    pub(crate) fn new(values: Column, entries: FieldRef, fields: Fields, ordered: bool, depth: u32) -> Self {
        let keys = Column::new(Values::Text(Varying::default()), false);
        Self { keys, values, ends: Vec::new(), entries, fields, ordered, depth, last: Last::default() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.drop_entries();
    }

    fn drop_entries(&mut self) {
        let entries = last(&self.ends);
        self.keys.truncate(entries);
        self.values.truncate(entries);
    }

    pub(crate) fn reserve(&mut self, rows: usize) {
        self.ends.reserve(rows + 1);
        let entries = self.last.expected(rows);
        self.keys.reserve(entries);
        self.values.reserve(entries);
    }

    pub(crate) fn pad(&mut self) {
        self.ends.push(self.keys.len() as i32);
    }

    pub(crate) fn read(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        if input.byte(pos) != Some(b'{') {
            return input.fail(pos, Reason::Expected("an object"));
        }
        if self.depth >= DEPTH {
            return skip::too_deep(input, pos);
        }
        let end = self.entries(input, pos, |_| true)?;
        if self.keys.len() - last(&self.ends) > 1 {
            self.keep_last(input, pos)?;
        }
        self.pad();
        Ok(end)
    }

    /// Keys and values, to push as many of each; `pad` ends the map.
    pub(crate) fn pair(&mut self) -> (&mut Column, &mut Column) {
        (&mut self.keys, &mut self.values)
    }

    /// Reads the entries of the object at `pos` whose number is `kept`, and passes over the others.
    fn entries(&mut self, input: &mut Input<'_>, pos: usize, kept: impl Fn(usize) -> bool) -> Step {
        let mut pos = input.blank(pos + 1);
        if input.byte(pos) == Some(b'}') {
            return Ok(pos + 1);
        }
        for number in 0.. {
            if input.byte(pos) != Some(b'"') {
                return input.fail(pos, Reason::Expected("a key in quotes"));
            }
            if kept(number) {
                pos = self.keys.read(input, pos)?;
                pos = skip::colon(input, pos)?;
                pos = self.values.read(input, pos).map_err(|_| input.within("{}"))?;
            } else {
                pos = string::skip(input, pos + 1)?;
                pos = skip::colon(input, pos)?;
                pos = skip::skip(input, pos, self.depth)?;
            }
            pos = input.blank(pos);
            match input.byte(pos) {
                Some(b',') => pos = input.blank(pos + 1),
                Some(b'}') => break,
                _ => return input.fail(pos, Reason::Expected("`,` or `}`")),
            }
        }
        Ok(pos + 1)
    }

    /// Of entries with the same key keeps the last. Such objects are rare: they are read again.
    fn keep_last(&mut self, input: &mut Input<'_>, pos: usize) -> Result<(), Failed> {
        let first = last(&self.ends);
        let Some(keys) = self.keys.texts() else { return Ok(()) };
        let count = keys.len() - first;
        let key = |number: usize| keys.get(first + number);
        let unique = if count <= 8 {
            (1..count).all(|i| (0..i).all(|j| key(i) != key(j)))
        } else {
            (0..count).map(key).collect::<std::collections::HashSet<_>>().len() == count
        };
        if unique {
            return Ok(());
        }
        let last_of: HashMap<&[u8], usize> = (0..count).map(|number| (key(number), number)).collect();
        let mut kept = vec![false; count];
        for number in last_of.into_values() {
            if let Some(kept) = kept.get_mut(number) {
                *kept = true;
            }
        }
        self.drop_entries();
        self.entries(input, pos, |number| kept.get(number).copied().unwrap_or_default())?;
        Ok(())
    }

    pub(crate) fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        self.last = Last { rows: self.ends.len(), inside: self.keys.len() };
        let offsets = offsets(&mut self.ends);
        let columns = vec![self.keys.finish()?, self.values.finish()?];
        let entries = StructArray::try_new(self.fields.clone(), columns, None).map_err(broken)?;
        Ok(Arc::new(MapArray::try_new(Arc::clone(&self.entries), offsets, entries, nulls, self.ordered).map_err(broken)?))
    }
}

/// A struct column out of its object.
pub(crate) fn structure(object: &mut Object, fields: &Fields, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let rows = object.rows();
    let columns = object.columns().map(Column::finish).collect::<Result<Vec<_>>>()?;
    object.restart();
    let array = if columns.is_empty() {
        StructArray::new_empty_fields(rows, nulls)
    } else {
        StructArray::try_new(fields.clone(), columns, nulls).map_err(broken)?
    };
    Ok(Arc::new(array))
}

fn last(ends: &[i32]) -> usize {
    ends.last().map_or(0, |end| *end as usize)
}

fn offsets(ends: &mut Vec<i32>) -> OffsetBuffer<i32> {
    let mut offsets = std::mem::take(ends);
    offsets.insert(0, 0);
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}
