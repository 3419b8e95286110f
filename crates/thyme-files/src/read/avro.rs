//! Avro: its place is a number of rows, as Parquet's is. What comes before it is decoded again, block by block, and dropped.
use std::io;
use std::sync::{Arc, PoisonError};

use thyme_core::{Error, Place, Reject};
use thyme_formats::avro::file::{AvroFault, AvroFileDecoder};
use thyme_formats::scan::Unknown;

use super::bytes;
use super::file::{Context, identity};
use super::parquet::From;
use super::part::{Item, Part, Stop};
use super::prints::{self, Front};
use super::state::{At, End, Seen, print};
use crate::storage::{Opened, Storage};

const BUFFER: usize = 256 * 1024;

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
    let from = From { bytes: opened.bytes, at: 0, outage: Arc::default() };
    let outage = Arc::clone(&from.outage);
    let unknown = if context.job.report_drift { Unknown::Report } else { Unknown::Ignore };
    let mut offset = first;
    let input = io::BufReader::with_capacity(BUFFER, from);
    let place = |offset| Part { head: mark, tail: foot, ..Part::place(&context.schema, offset, 0, &Front::default()) };
    let done = AvroFileDecoder::open(input, &context.declared, unknown, first).and_then(|mut decoder| {
        while let Some(rows) = decoder.next_batch()? {
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
        Err(AvroFault::Drift(drift)) => return context.out.check(Err(Error::drift(drift).context("path", path))),
        Err(AvroFault::Damaged(reason)) => reason,
        Err(AvroFault::Io(error)) => error.to_string(),
    };
    if let Some(outage) = outage.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return context.out.check(Err(bytes::failed(path, outage)));
    }
    context.out.part(place(offset))?;
    let place = Place { path: Some(path.into()), identity: Some(identity), offset: Some(0), ..Place::default() };
    let reject = Reject { reason: format!("the file is not avro, or damaged: {reason}"), place, ..Reject::default() };
    context.out.send(Item::Close(End::Damaged, Some(Box::new(reject))))
}
