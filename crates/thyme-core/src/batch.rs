//! Rows of a dataset with what they mean, and where their split stands after them.
use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;

use crate::{Error, Kind, Op, Ops, Position, Reject, Result};

/// Rows of the dataset with what they mean, and where their split stands after them.
///
/// `rows` has exactly the dataset's columns, every one of them nullable: a delete may know its keys alone. The engine checks
/// inserted and updated rows against the dataset before they reach a writer. A batch may have no rows: it then only moves the
/// position (control records, heartbeats). As the first of its split it pins a moving start (`latest`) and is committed at once.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The rows; columns as in [`Dataset::columns`](crate::Dataset::columns).
    pub rows: RecordBatch,
    /// What happened to each row.
    pub ops: Ops,
    /// Old rows, aligned with `rows`, where the source knows them and the sink asks for them.
    pub before: Option<RecordBatch>,
    /// Column index and the rows whose value there is unknown (an unchanged TOAST value). Never to be written as NULL.
    pub unset: Vec<(usize, BooleanBuffer)>,
    /// Records that were read beside these rows and could not be decoded.
    pub rejects: Vec<Reject>,
    /// Where the split stands once these rows are durable.
    pub position: Position,
}

impl Batch {
    /// New rows.
    #[must_use]
    pub fn insert(rows: RecordBatch, position: Position) -> Self {
        Self { rows, ops: Ops::All(Op::Insert), before: None, unset: Vec::new(), rejects: Vec::new(), position }
    }

    /// No rows, only a position.
    #[must_use]
    pub fn moved(schema: SchemaRef, position: Position) -> Self {
        Self::insert(RecordBatch::new_empty(schema), position)
    }

    /// Bytes held: the columns' buffers and the rejected payloads.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let payloads = self.rejects.iter().filter_map(|r| r.payload.as_ref()).map(bytes::Bytes::len).sum::<usize>();
        let before = self.before.as_ref().map_or(0, held);
        held(&self.rows) + before + payloads
    }

    /// `len` rows from `offset` on, without the rejects; the position stays that of the whole batch.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        let unset = self.unset.iter().map(|(column, rows)| (*column, rows.slice(offset, len))).collect();
        Self {
            rows: self.rows.slice(offset, len),
            ops: self.ops.slice(offset, len),
            before: self.before.as_ref().map(|before| before.slice(offset, len)),
            unset,
            rejects: Vec::new(),
            position: self.position.clone(),
        }
    }

    /// The rows where `keep` is true; rejects and position stay.
    ///
    /// # Errors
    /// `Unexpected` when `keep` has another length than the rows.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self> {
        if keep.len() != self.rows.num_rows() {
            return Err(Error::new(
                Kind::Unexpected,
                format!("a filter of {} rows for a batch of {}", keep.len(), self.rows.num_rows()),
            ));
        }
        let filter = |rows: &RecordBatch| arrow_select::filter::filter_record_batch(rows, keep).map_err(unfit);
        let unset = self.unset.iter().map(|(column, rows)| {
            let kept = arrow_select::filter::filter(&BooleanArray::new(rows.clone(), None), keep).map_err(unfit)?;
            let kept = kept.as_any().downcast_ref::<BooleanArray>().map(|a| a.values().clone());
            Ok((*column, kept.unwrap_or_else(|| BooleanBuffer::new_unset(0))))
        });
        Ok(Self {
            rows: filter(&self.rows)?,
            ops: self.ops.filter(keep),
            before: self.before.as_ref().map(filter).transpose()?,
            unset: unset.collect::<Result<_>>()?,
            rejects: self.rejects.clone(),
            position: self.position.clone(),
        })
    }
}

fn unfit(error: arrow_schema::ArrowError) -> Error {
    Error::new(Kind::Unexpected, "the filter does not fit the batch").source(error)
}

/// Bytes of the buffers that `rows` really covers: slices of one big batch are not each counted whole.
fn held(rows: &RecordBatch) -> usize {
    rows.columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_buffer_memory_size()))
        .sum()
}
