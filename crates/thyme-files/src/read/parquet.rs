//! Parquet: its place is a number of rows.
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Place, Reject};
use thyme_formats::parquet::{ParquetDecoder, ParquetFault};
use thyme_formats::scan::Unknown;

use super::bytes;
use super::file::{Context, identity};
use super::part::{Item, Part, Stop};
use super::prints::{self, Front};
use super::state::{At, End, Seen, print};
use crate::storage::{Opened, ReadAt, Storage};

/// What is read at once where a page's header begins; the page itself is read by its length.
const HEADER: usize = 8 * 1024;

/// Reads the file that is `opened`; `head` are its first bytes.
pub(super) fn read<S: Storage>(
    context: &Context<S>,
    index: usize,
    mut seen: Seen,
    opened: Opened,
    path: &str,
    head: &[u8],
) -> Result<(), Stop> {
    let mark = print(head);
    let foot = context.out.check(prints::foot(&*opened.bytes, opened.entry.size).map_err(|e| bytes::failed(path, e)))?;
    if seen.at.head != mark {
        // Another file than the one that was read in part, which was damaged.
        seen.at = At::default();
    }
    let first = seen.at.offset;
    context.out.send(Item::Open(index, Box::new(seen)))?;
    let identity = identity(&opened);
    let chunks = Chunks { bytes: opened.bytes, size: opened.entry.size, outage: Arc::default() };
    let outage = Arc::clone(&chunks.outage);
    let unknown = if context.job.report_drift { Unknown::Report } else { Unknown::Ignore };
    let mut offset = first;
    let done = ParquetDecoder::open(chunks, &context.declared, unknown, first).and_then(|mut decoder| {
        while let Some(rows) = decoder.next_batch()? {
            offset += rows.num_rows() as u64;
            let records = rows.num_rows() as u64;
            let place = Part::place(&context.schema, offset, 0, &Front::default());
            if context.out.part(Part { rows, records, head: mark, tail: foot, ..place }).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    });
    match done {
        Ok(true) => {
            let place = Part::place(&context.schema, offset, 0, &Front::default());
            context.out.part(Part { head: mark, tail: foot, ..place })?;
            context.out.send(Item::Close(End::Whole, None))
        }
        Ok(false) => Err(Stop),
        Err(ParquetFault::Drift(drift)) => context.out.check(Err(Error::drift(drift).context("path", path))),
        Err(ParquetFault::Damaged(reason)) => {
            if let Some(outage) = outage.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return context.out.check(Err(bytes::failed(path, outage)));
            }
            let place = Part::place(&context.schema, offset, 0, &Front::default());
            context.out.part(Part { head: mark, tail: foot, ..place })?;
            let place = Place { path: Some(path.into()), identity: Some(identity), offset: Some(0), ..Place::default() };
            let reason = format!("the file is not parquet, or damaged: {reason}");
            let reject = Reject { reason, place, ..Reject::default() };
            context.out.send(Item::Close(End::Damaged, Some(Box::new(reject))))
        }
    }
}

/// A file as the parquet crate wants it.
pub(super) struct Chunks {
    pub(super) bytes: Arc<dyn ReadAt>,
    pub(super) size: u64,
    pub(super) outage: Arc<Mutex<Option<io::Error>>>,
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Chunks {
    type T = io::BufReader<From>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let from = From { bytes: Arc::clone(&self.bytes), at: start, outage: Arc::clone(&self.outage) };
        Ok(io::BufReader::with_capacity(HEADER, from))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        if start.saturating_add(length as u64) > self.size {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on are beyond the end of the file")));
        }
        let bytes = self.bytes.bytes_at(start, length).map_err(|error| keep(&self.outage, error))?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("the file ends within the {length} bytes from {start} on")));
        }
        Ok(bytes)
    }
}

/// The bytes from a place on; what the storage fails with is kept in `outage`.
pub(super) struct From {
    pub(super) bytes: Arc<dyn ReadAt>,
    pub(super) at: u64,
    pub(super) outage: Arc<Mutex<Option<io::Error>>>,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read_at(self.at, buffer).map_err(|error| keep(&self.outage, error))?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Keeps what the storage failed with; the same for those who read.
fn keep(outage: &Mutex<Option<io::Error>>, error: io::Error) -> io::Error {
    let same = io::Error::new(error.kind(), error.to_string());
    *outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    same
}
