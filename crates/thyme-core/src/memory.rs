//! The reference connectors: sources and a sink in memory, for any dataset.
//!
//! They show what the contract asks for in its smallest honest form, pass the conformance suite whole, and stand in for real
//! systems in the tests of everything above them:
//! - [`Table`]: polled by a cursor column, read in ranges below a bound that is fixed once a poll.
//! - [`Shards`]: a stream whose splits come and go; children open when their parents' rows are durable.
//! - [`Group`] and [`Member`]: partitions that processes share and hand to each other.
//! - [`Target`]: a sink with a fence that keeps the cursor with the rows, and breaks where it is told to.
mod group;
mod shards;
mod table;
mod target;

pub use group::{Group, Member};
pub use shards::{Shard, Shards};
pub use table::{NullCursor, Table};
pub use target::{Committed, Crash, Target};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};

use crate::drift::Drift;
use crate::{Dataset, Error, Kind, Result};

/// Nothing here can be left half changed by a panic, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `rows` as the columns that `dataset` asks for; columns that only the dataset has are null.
fn columns(dataset: &Dataset, rows: &RecordBatch) -> Result<RecordBatch> {
    let column = |field: &arrow_schema::FieldRef| -> ArrayRef {
        let found = rows.column_by_name(field.name()).map(Arc::clone);
        found.unwrap_or_else(|| new_null_array(field.data_type(), rows.num_rows()))
    };
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let columns = dataset.columns().fields().iter().map(column).collect();
    RecordBatch::try_new_with_options(Arc::clone(dataset.columns()), columns, &options)
        .map_err(|e| Error::new(Kind::Schema, "the rows do not fit the dataset").context("dataset", dataset.name()).source(e))
}

/// What a reader reports when the columns it finds are not those it was asked for.
fn drift(asked: &Dataset, found: &Dataset, report_added: bool) -> Option<Drift> {
    Drift::between(asked, found.columns(), report_added)
}

/// The rows of `parts` as one batch.
fn concat(dataset: &Dataset, parts: &[RecordBatch]) -> Result<RecordBatch> {
    let parts = parts.iter().map(|part| columns(dataset, part)).collect::<Result<Vec<_>>>()?;
    arrow_select::concat::concat_batches(dataset.columns(), &parts)
        .map_err(|e| Error::new(Kind::Schema, "rows of one table differ in their columns").source(e))
}
