//! What the thread that decodes hands on.
use std::ops::Range;
use std::sync::Arc;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::bytes::Bytes;
use thyme_core::drift::Drift;
use thyme_core::{Error, Reject, Result};
use thyme_formats::scan::Scanned;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::prints::Front;
use super::state::{End, Seen};

/// A longer record is a bad record.
pub(super) const RECORD_BYTES: usize = 16 << 20;
/// Of a record that is too long, this much is kept in its dead letter.
const PAYLOAD_BYTES: usize = 1 << 20;

/// The parts of a group's files, in order.
pub(super) enum Item {
    /// The file with this number in its group, as it was opened, and where its reading begins.
    Open(usize, Box<Seen>),
    /// Rows of the file that is open.
    Part(Box<Part>),
    /// The same, being decoded.
    Soon(JoinHandle<Result<Vec<Part>>>),
    /// The reading of the file ended, and a damage.
    Close(End, Option<Box<Reject>>),
    /// Nothing more comes.
    Failed(Error),
}

/// Rows of a file, and how far it is read with them.
#[derive(Debug)]
pub(super) struct Part {
    /// The data columns.
    pub(super) rows: RecordBatch,
    pub(super) bad: Vec<Bad>,
    /// The place in the file behind it.
    pub(super) offset: u64,
    /// Line ends, and records, in it.
    pub(super) lines: u64,
    pub(super) records: u64,
    pub(super) head: u64,
    pub(super) tail: u64,
    /// It ends at the end of a record, so that the reading can go on from there.
    pub(super) settled: bool,
    pub(super) drift: Option<Drift>,
    /// What a bad record needs beside its bytes to be decoded.
    pub(super) hint: Option<serde_json::Value>,
}

/// A record that could not be decoded.
#[derive(Debug)]
pub(super) struct Bad {
    /// How many good rows of the part come before it.
    pub(super) row: usize,
    pub(super) payload: Bytes,
    /// From 0 at the start of the part.
    pub(super) line: u64,
    /// Bytes from 1.
    pub(super) column: u64,
    /// From the start of the file.
    pub(super) offset: u64,
    pub(super) reason: String,
}

impl Part {
    /// No rows, only a place.
    pub(super) fn place(schema: &SchemaRef, offset: u64, lines: u64, front: &Front) -> Self {
        Self {
            rows: RecordBatch::new_empty(Arc::clone(schema)),
            bad: Vec::new(),
            offset,
            lines,
            records: 0,
            head: front.head(),
            tail: front.tail(),
            settled: true,
            drift: None,
            hint: None,
        }
    }

    /// What was scanned of `block`, which begins at `offset` of the file; `front` is moved behind it.
    pub(super) fn scanned(scanned: Scanned, block: &[u8], offset: u64, front: &mut Front) -> Self {
        front.take(block.get(..scanned.consumed).unwrap_or_default());
        let bad: Vec<_> = scanned
            .bad
            .into_iter()
            .map(|bad| {
                let (payload, cut) = payload(block, bad.bytes.clone());
                let reason = if cut { cut_short(&bad.reason) } else { bad.reason };
                Bad { row: bad.row, payload, line: bad.line, column: bad.column, offset: offset + bad.bytes.start as u64, reason }
            })
            .collect();
        Self {
            records: (scanned.rows.num_rows() + bad.len()) as u64,
            rows: scanned.rows,
            bad,
            offset: offset + scanned.consumed as u64,
            lines: scanned.lines,
            head: front.head(),
            tail: front.tail(),
            settled: true,
            drift: scanned.drift,
            hint: None,
        }
    }
}

/// The bytes of a record, or the first of them, and whether some were left out.
pub(super) fn payload(block: &[u8], bytes: Range<usize>) -> (Bytes, bool) {
    let bytes = block.get(bytes).unwrap_or_default();
    let cut = bytes.len() > RECORD_BYTES;
    (Bytes::copy_from_slice(if cut { bytes.get(..PAYLOAD_BYTES).unwrap_or_default() } else { bytes }), cut)
}

/// `reason`, and that the payload is not whole.
pub(super) fn cut_short(reason: &str) -> String {
    format!("{reason}; its first {PAYLOAD_BYTES} bytes are kept")
}

/// Where the parts go. The reader may be dropped at any time.
pub(super) struct Out(pub(super) Sender<Item>);

/// The reader was dropped, or was told of an error.
pub(super) struct Stop;

impl Out {
    pub(super) fn send(&self, item: Item) -> Result<(), Stop> {
        self.0.blocking_send(item).map_err(|_| Stop)
    }

    pub(super) fn part(&self, part: Part) -> Result<(), Stop> {
        let drift = part.drift.is_some();
        self.send(Item::Part(Box::new(part)))?;
        if drift { Err(Stop) } else { Ok(()) }
    }

    /// Hands on `result`, or its error.
    pub(super) fn check<T>(&self, result: Result<T>) -> Result<T, Stop> {
        result.map_err(|error| {
            let _ = self.0.blocking_send(Item::Failed(error));
            Stop
        })
    }
}
