//! A table, polled by a cursor column.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch, UInt64Array};
use arrow_schema::FieldRef;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{columns, concat, drift, lock};
use crate::testing::broken;
use crate::{Batch, Cursor, Dataset, Error, Job, Kind, Plan, Position, Reader, Result, Source, SourceInfo, SplitId};

/// What to do with rows whose cursor is NULL: nothing says when they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullCursor {
    /// Refuse the table before anything is read.
    #[default]
    Fail,
    /// Leave them out.
    Exclude,
}

/// A table that grows by [`Table::append`]. A clone is the same table.
///
/// Polled by a cursor column of integers, dates or timestamps ([`Job::cursor`]), which a row keeps for good. The order is
/// (cursor, row number), so rows that tie are told apart. A poll reads everything after the last one, up to a bound that is
/// fixed in the cursor's `base` and stays the same when the poll is cut short and goes on in another process. Rows appended
/// with a cursor below the bound of a finished poll are never read: who writes must write in the order of the cursor.
#[derive(Clone, Debug)]
pub struct Table {
    state: Arc<Mutex<State>>,
    range_rows: usize,
    batch_rows: usize,
    nulls: NullCursor,
}

#[derive(Debug)]
struct State {
    dataset: Dataset,
    rows: Vec<RecordBatch>,
}

impl Table {
    /// An empty table of `dataset`, read in ranges of 25 rows and batches of 7.
    #[must_use]
    pub fn new(dataset: Dataset) -> Self {
        let state = Arc::new(Mutex::new(State { dataset, rows: Vec::new() }));
        Self { state, range_rows: 25, batch_rows: 7, nulls: NullCursor::Fail }
    }

    /// The same table, read in splits of `range` rows and batches of `batch` rows (at least one each).
    #[must_use]
    pub fn sizes(self, range: usize, batch: usize) -> Self {
        Self { range_rows: range.max(1), batch_rows: batch.max(1), ..self }
    }

    /// The same table with another policy for NULL cursors.
    #[must_use]
    pub fn null_cursor(self, nulls: NullCursor) -> Self {
        Self { nulls, ..self }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// `Schema` when the columns are not the table's.
    pub fn append(&self, rows: &RecordBatch) -> Result<()> {
        let mut state = lock(&self.state);
        let rows = state.dataset.fit(rows)?;
        state.rows.push(rows);
        Ok(())
    }

    /// Adds a column, null in the rows that are there.
    ///
    /// # Errors
    /// `Schema` when it is there already.
    pub fn add_column(&self, field: &FieldRef) -> Result<()> {
        let mut state = lock(&self.state);
        state.dataset = state.dataset.with_added(std::slice::from_ref(field))?;
        Ok(())
    }
}

/// `after` is done for the whole table. While `bound` is set, ranges of ranks of what lies between stand in `splits`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Poll {
    after: Option<Key>,
    bound: Option<Bound>,
}

/// Cursor value and row number.
type Key = (i64, u64);

/// The first `rows` rows of the table, as they were appended, are what this poll sees: none beyond `upto` is among them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bound {
    upto: Key,
    rows: u64,
}

#[async_trait]
impl Source for Table {
    fn info(&self) -> SourceInfo {
        let identity = format!("memory table {}", lock(&self.state).dataset.name());
        SourceInfo { identity, needs_cursor: true, ..SourceInfo::default() }
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        Ok(Some(lock(&self.state).dataset.clone()))
    }

    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        let column = job
            .cursor
            .as_deref()
            .ok_or_else(|| Error::new(Kind::Config, "a table needs a `cursor` column").context("dataset", job.dataset.name()))?;
        let (dataset, all) = {
            let state = lock(&self.state);
            (state.dataset.clone(), concat(&state.dataset, &state.rows)?)
        };
        let mut poll = from.base.as_ref().map(Position::get::<Poll>).transpose()?.unwrap_or_default();
        // A poll cut short keeps its bound; a fresh one fixes it now, in the snapshot that is read.
        let kept = poll.bound.filter(|_| !broken("moved_bound"));
        let seen = kept.map_or(all.num_rows(), |bound| usize::try_from(bound.rows).unwrap_or(usize::MAX));
        if seen > all.num_rows() {
            let text = format!("the poll under way saw {seen} rows and the table has {}", all.num_rows());
            return Err(Error::new(Kind::CursorLost, text).context("table", dataset.name()));
        }
        let all = all.slice(0, seen);
        let keys = keys(&all, column, self.nulls, poll.after)?;
        poll.bound = keys.last().map(|upto| Bound { upto: *upto, rows: seen as u64 });
        let drift = drift(&job.dataset, &dataset, job.report_drift);
        let rows = match drift {
            Some(_) => RecordBatch::new_empty(Arc::clone(job.dataset.columns())),
            None => columns(&job.dataset, &all)?,
        };
        let snapshot = Snapshot { rows, keys, drift, batch_rows: self.batch_rows };
        let ranges = (0..snapshot.keys.len()).step_by(self.range_rows);
        let ranges = ranges.map(|low| (low, (low + self.range_rows).min(snapshot.keys.len())));
        let splits = ranges.map(|(low, high)| format!("{low}..{high}").into()).collect::<Vec<SplitId>>();
        Ok(Box::new(TablePlan { poll, snapshot: Arc::new(snapshot), ready: splits.clone().into(), splits }))
    }
}

/// The keys after `after`, in order.
fn keys(rows: &RecordBatch, column: &str, nulls: NullCursor, after: Option<Key>) -> Result<Vec<Key>> {
    let array = rows
        .column_by_name(column)
        .ok_or_else(|| Error::new(Kind::Config, format!("the cursor `{column}` is not a column of the table")))?;
    if array.null_count() > 0 && nulls == NullCursor::Fail {
        let text = format!("{} rows have no value in the cursor column `{column}`; set null_cursor", array.null_count());
        return Err(Error::new(Kind::Schema, text));
    }
    let values = integers(array.as_ref()).ok_or_else(|| {
        let text = format!("the column `{column}` is a {}, which can't be a cursor", array.data_type());
        Error::new(Kind::Config, text)
    })?;
    let keys = (0u64..).zip(values).filter_map(|(row, value)| value.map(|value| (value, row)));
    let mut keys = keys.filter(|key| after.is_none_or(|after| *key > after)).collect::<Vec<_>>();
    keys.sort_unstable();
    Ok(keys)
}

/// A column that can be a cursor, as integers.
fn integers(column: &dyn Array) -> Option<Vec<Option<i64>>> {
    fn of<T: ArrowPrimitiveType<Native: Into<i64>>>(column: &dyn Array) -> Option<Vec<Option<i64>>> {
        column.as_primitive_opt::<T>().map(|array| array.iter().map(|value| value.map(Into::into)).collect())
    }
    of::<Int64Type>(column)
        .or_else(|| of::<TimestampMicrosecondType>(column))
        .or_else(|| of::<TimestampNanosecondType>(column))
        .or_else(|| of::<TimestampMillisecondType>(column))
        .or_else(|| of::<TimestampSecondType>(column))
        .or_else(|| of::<Date32Type>(column))
        .or_else(|| of::<Int32Type>(column))
        .or_else(|| of::<Int16Type>(column))
        .or_else(|| of::<Int8Type>(column))
        .or_else(|| of::<UInt32Type>(column))
        .or_else(|| of::<UInt16Type>(column))
        .or_else(|| of::<UInt8Type>(column))
}

/// What one poll sees.
struct Snapshot {
    rows: RecordBatch,
    keys: Vec<Key>,
    drift: Option<crate::drift::Drift>,
    batch_rows: usize,
}

struct TablePlan {
    poll: Poll,
    snapshot: Arc<Snapshot>,
    splits: Vec<SplitId>,
    ready: VecDeque<SplitId>,
}

/// The ranks of a range.
fn range(split: &str, ranks: usize) -> Option<(usize, usize)> {
    let (low, high) = split.split_once("..")?;
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low < high && high <= ranks).then_some((low, high))
}

#[async_trait]
impl Plan for TablePlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        Ok(self.ready.pop_front())
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        let lost = || Error::new(Kind::CursorLost, format!("the poll has no range `{split}`"));
        let (low, high) = range(split, self.snapshot.keys.len()).ok_or_else(lost)?;
        let next = from.map(Position::get::<usize>).transpose()?.unwrap_or(low);
        if next < low || next > high {
            return Err(lost().context("position", next));
        }
        Ok(Box::new(RangeReader { snapshot: Arc::clone(&self.snapshot), next, high }))
    }

    fn fold(&self, cursor: &mut Cursor) {
        let done = |split: &SplitId| {
            let high = range(split, self.snapshot.keys.len()).map(|(_, high)| high);
            cursor.splits.get(split).and_then(|at| at.get::<usize>().ok()) == high
        };
        let over = Poll { after: self.poll.bound.map(|bound| bound.upto).or(self.poll.after), bound: None };
        let folded = cursor.splits.is_empty() && cursor.base == Some(Position::of(&over));
        let poll = if folded || self.splits.iter().all(done) {
            cursor.splits.clear();
            over
        } else {
            self.poll
        };
        cursor.base = Some(Position::of(&poll));
    }
}

struct RangeReader {
    snapshot: Arc<Snapshot>,
    next: usize,
    high: usize,
}

#[async_trait]
impl Reader for RangeReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.next >= self.high {
            return Ok(None);
        }
        if let Some(drift) = &self.snapshot.drift {
            return Err(Error::drift(drift.clone()));
        }
        tokio::task::yield_now().await;
        let to = (self.next + self.snapshot.batch_rows).min(self.high);
        let part = self.snapshot.keys.get(self.next..to).unwrap_or_default();
        let picked = UInt64Array::from_iter_values(part.iter().map(|(_, row)| *row));
        let rows = arrow_select::take::take_record_batch(&self.snapshot.rows, &picked)
            .map_err(|e| Error::new(Kind::Unexpected, "the rows of a range can't be taken").source(e))?;
        self.next = to;
        Ok(Some(Batch::insert(rows, Position::of(&to))))
    }
}
