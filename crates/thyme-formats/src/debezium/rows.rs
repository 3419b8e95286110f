//! The rows of a batch of changes while it grows.
use std::sync::Arc;

use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions};
use thyme_core::arrow::buffer::BooleanBufferBuilder;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Batch, Dataset, Op, Ops, Position, Reject, Result};

use crate::TimestampUnit;
use crate::json::build;
use crate::json::column::{Column, broken};
use crate::json::object::Object;

/// Decoded changes: what a [`Batch`] is made of.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The rows; of a deleted one what is known, its key at least; a truncation is a row of nulls.
    pub rows: RecordBatch,
    /// What happened to each.
    pub ops: Ops,
    /// The rows as they were before, if they were asked for; null where it is not known.
    pub before: Option<RecordBatch>,
    /// Columns and the rows whose value there was not sent.
    pub unset: Vec<(usize, thyme_core::arrow::buffer::BooleanBuffer)>,
}

impl Changes {
    /// These rows as a batch.
    #[must_use]
    pub fn into_batch(self, rejects: Vec<Reject>, position: Position) -> Batch {
        let Self { rows, ops, before, unset } = self;
        Batch { rows, ops, before, unset, rejects, position }
    }
}

/// Columns and what belongs to them. A row in the making is whatever the columns have beyond `ops`.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) root: Object,
    pub(super) before: Option<Object>,
    ops: Vec<Op>,
    unset: Vec<Vec<usize>>,
    pub(super) key: Vec<usize>,
    schema: SchemaRef,
}

impl Rows {
    pub(super) fn new(dataset: &Dataset, before: bool) -> Result<Self> {
        let schema = dataset.columns();
        let build = || build::object(schema.fields(), 3, TimestampUnit::Seconds);
        let key = dataset.key().iter().filter_map(|name| schema.index_of(name).ok()).collect();
        Ok(Self {
            root: build()?,
            before: if before { Some(build()?) } else { None },
            ops: Vec::new(),
            unset: vec![Vec::new(); schema.fields().len()],
            key,
            schema: Arc::clone(schema),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.ops.len()
    }

    /// Drops the row in the making.
    pub(super) fn undo(&mut self) {
        let rows = self.ops.len();
        self.root.truncate(rows);
        if let Some(before) = &mut self.before {
            before.truncate(rows);
        }
    }

    /// The key columns that have no value in the row in the making.
    pub(super) fn keys_missing(&mut self) -> Vec<usize> {
        let row = self.ops.len();
        let missing = |place: &usize| self.root.column(*place).is_none_or(|column| column.len() <= row || column.is_null(row));
        self.key.clone().into_iter().filter(missing).collect()
    }

    /// Whether the row in the making has no value at all.
    pub(super) fn is_blank(&mut self) -> bool {
        let row = self.ops.len();
        self.root.columns().all(|column| column.len() <= row || column.is_null(row))
    }

    /// Ends the row in the making; `unset` are its columns whose value was not sent.
    pub(super) fn end(&mut self, op: Op, unset: &[usize]) -> Result<(), String> {
        let missing =
            |object: &Object, place: usize| format!("a value that must not be null is missing (field `{}`)", object.name(place));
        self.root.end_row().map_err(|place| missing(&self.root, place))?;
        if let Some(before) = &mut self.before {
            before.end_row().map_err(|place| missing(before, place))?;
        }
        for place in unset {
            if let Some(rows) = self.unset.get_mut(*place) {
                rows.push(self.ops.len());
            }
        }
        self.ops.push(op);
        Ok(())
    }

    /// Everything so far, and empty columns.
    pub(super) fn finish(&mut self) -> Result<Changes> {
        let count = self.ops.len();
        self.undo();
        let rows = batch(&mut self.root, &self.schema, count)?;
        let before = match &mut self.before {
            Some(before) => Some(batch(before, &self.schema, count)?),
            None => None,
        };
        let ops = std::mem::take(&mut self.ops);
        let ops = match ops.split_first() {
            Some((first, rest)) if rest.iter().all(|op| op == first) => Ops::All(*first),
            Some(_) => Ops::Each(ops.into()),
            None => Ops::All(Op::Insert),
        };
        let mut unset = Vec::new();
        for (column, rows) in self.unset.iter_mut().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let mut bits = BooleanBufferBuilder::new(count);
            bits.append_n(count, false);
            rows.drain(..).for_each(|row| bits.set_bit(row, true));
            unset.push((column, bits.finish()));
        }
        Ok(Changes { rows, ops, before, unset })
    }
}

fn batch(object: &mut Object, schema: &SchemaRef, rows: usize) -> Result<RecordBatch> {
    let columns = object.columns().map(Column::finish).collect::<Result<Vec<_>>>()?;
    object.restart();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(broken)
}
