//! What a scanner makes of a block of bytes.
use std::ops::Range;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::drift::Drift;

/// The rows of a block, its bad records, and how far it was read.
#[derive(Debug)]
pub struct Scanned {
    /// The good records, in order; every column is nullable.
    pub rows: RecordBatch,
    /// The records that could not be decoded, in order.
    pub bad: Vec<BadRecord>,
    /// Bytes of the block that are done with. The rest is to be given again, in front of what follows: a record that runs
    /// off the end of the block, or where `rows_at_most` stopped.
    pub consumed: usize,
    /// Line ends within `consumed`.
    pub lines: u64,
    /// The record at `consumed` has columns the schema does not have: nothing of it was taken.
    pub drift: Option<Drift>,
}

/// What became of a message that a decoder was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Pushed {
    /// It is one row more.
    Row,
    /// It stands for no row, which is no fault: a heartbeat, a tombstone … Only the position moves.
    Skipped(&'static str),
    /// It could not be decoded: why, lower-case. Nothing of it was taken.
    Bad(String),
    /// It was written by a schema that is not known yet. Nothing was taken: make the schema known and push it again.
    NeedsSchema(u32),
    /// It has columns that the dataset does not have. Nothing was taken.
    Drift(Drift),
}

/// A record that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// How many good rows of the block come before it.
    pub row: usize,
    /// Its bytes within the block, without the line end.
    pub bytes: Range<usize>,
    /// The line it begins on, counted from 0 at the start of the block.
    pub line: u64,
    /// Where in the record the fault is, in bytes from 1.
    pub column: u64,
    /// What is wrong, lower-case: "expected an int64, found \"abc\" (field `amount`)".
    pub reason: String,
}

/// What a scanner does with columns that its schema does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// Leaves them out.
    #[default]
    Ignore,
    /// Stops before the first record that has one and reports it as [`Scanned::drift`].
    Report,
}
