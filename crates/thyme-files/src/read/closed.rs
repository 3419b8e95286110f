//! Files that are whole or damaged, never added to: the place in one is a number of rows.
use std::sync::PoisonError;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::{Error, Place, Reject};
use thyme_formats::fault::Fault;
use thyme_formats::scan::Unknown;

use super::bytes::{self, RawReader};
use super::file::{Context, identity};
use super::part::{Item, Part, Stop};
use super::prints::{self, Front};
use super::state::{At, End, Seen, print};
use crate::storage::{Opened, Storage};

/// A file that is open; `head` are its first bytes.
pub(super) struct Closed<'a> {
    pub(super) index: usize,
    pub(super) seen: Seen,
    pub(super) opened: Opened,
    pub(super) path: &'a str,
    pub(super) head: &'a [u8],
    /// What its format is called.
    pub(super) name: &'static str,
}

impl Closed<'_> {
    /// Reads it by the decoder that `open` makes, given what to do with unknown columns and the rows that were read before.
    pub(super) fn read<S: Storage, D>(
        self,
        context: &Context<S>,
        open: impl FnOnce(RawReader, Unknown, u64) -> Result<D, Fault>,
        next: impl Fn(&mut D) -> Result<Option<RecordBatch>, Fault>,
    ) -> Result<(), Stop> {
        let Self { index, mut seen, opened, path, head, name } = self;
        let mark = print(head);
        let foot = context.out.check(prints::foot(&*opened.bytes, opened.entry.size).map_err(|e| bytes::failed(path, e)))?;
        if seen.at.head != mark {
            // Another file than the one that was read in part, which was damaged.
            seen.at = At::default();
        }
        let first = seen.at.offset;
        context.out.send(Item::Open(index, Box::new(seen)))?;
        let identity = identity(&opened);
        let raw = RawReader::new(opened.bytes, opened.entry.size);
        let outage = raw.outage();
        let unknown = if context.job.report_drift { Unknown::Report } else { Unknown::Ignore };
        let mut offset = first;
        let place = |offset| Part { head: mark, tail: foot, ..Part::place(&context.schema, offset, 0, &Front::default()) };
        let done = open(raw, unknown, first).and_then(|mut decoder| {
            while let Some(rows) = next(&mut decoder)? {
                let records = rows.num_rows() as u64;
                offset += records;
                if context.out.part(Part { rows, records, ..place(offset) }).is_err() {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        let reason = match done {
            Ok(false) => return Err(Stop),
            Ok(true) => {
                context.out.part(place(offset))?;
                return context.out.send(Item::Close(End::Whole, None));
            }
            Err(Fault::Drift(drift)) => return context.out.check(Err(Error::drift(drift).context("path", path))),
            Err(Fault::Damaged(reason)) => reason,
            Err(Fault::Io(error)) => error.to_string(),
        };
        if let Some(outage) = outage.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return context.out.check(Err(bytes::failed(path, outage)));
        }
        context.out.part(place(offset))?;
        let place = Place { path: Some(path.into()), identity: Some(identity), offset: Some(0), ..Place::default() };
        let reject = Reject { reason: format!("the file is not {name}, or damaged: {reason}"), place, ..Reject::default() };
        context.out.send(Item::Close(End::Damaged, Some(Box::new(reject))))
    }

    /// The same for Parquet. Row groups before the place are passed over.
    pub(super) fn parquet<S: Storage>(self, context: &Context<S>) -> Result<(), Stop> {
        use thyme_formats::parquet::ParquetDecoder;
        let open = |raw, unknown, first| ParquetDecoder::open(raw, &context.declared, unknown, first);
        self.read(context, open, ParquetDecoder::next_batch)
    }

    /// The same for Avro. What comes before the place is decoded again, block by block, and dropped.
    pub(super) fn avro<S: Storage>(self, context: &Context<S>) -> Result<(), Stop> {
        use thyme_formats::avro::file::AvroFileDecoder;
        let open = |raw, unknown, first| AvroFileDecoder::open(buffered(raw), &context.declared, unknown, first);
        self.read(context, open, AvroFileDecoder::next_batch)
    }

    /// The same for Arrow. Record batches before the place are passed over.
    pub(super) fn arrow<S: Storage>(self, context: &Context<S>) -> Result<(), Stop> {
        use thyme_formats::ipc::IpcDecoder;
        let open = |raw, unknown, first| IpcDecoder::open(raw, &context.declared, unknown, first);
        self.read(context, open, IpcDecoder::next_batch)
    }
}

/// For a decoder that reads by small pieces.
pub(super) fn buffered(raw: RawReader) -> std::io::BufReader<RawReader> {
    const BUFFER: usize = 256 * 1024;
    std::io::BufReader::with_capacity(BUFFER, raw)
}
