//! Files that are one JSON array, one object, or several values after one another.
use thyme_core::Job;
use thyme_formats::bom::strip_bom;
use thyme_formats::json::{ArraySplitter, JsonOptions, JsonScanner, Split};
use thyme_formats::scan::Unknown;

use super::buffer::Buffer;
use super::bytes::Stream;
use super::file::{Broken, Context, File};
use super::lines::block_bytes;
use super::part::{Part, RECORD_BYTES};
use super::prints::Front;
use super::state::{At, End};
use crate::storage::Storage;

/// Rows of a batch, at most.
pub(super) const ROWS: usize = 65_536;

pub(super) fn options(job: &Job) -> JsonOptions {
    JsonOptions {
        unknown: if job.report_drift { Unknown::Report } else { Unknown::Ignore },
        timestamp_unit: super::unit(job),
        rows_at_most: ROWS,
        record_bytes_at_most: RECORD_BYTES,
    }
}

/// Reads `file` to its end. An array is only understood from its start, so it is read once more from there, as `again`, and
/// the records that are done with are passed over.
pub(super) fn read<S: Storage>(context: &Context<S>, file: &mut File, again: Result<Stream, Broken>) -> Result<End, Broken> {
    file.stream = again?;
    let scanner = JsonScanner::new(&context.schema, options(&context.job))?;
    let mut values = Values {
        context,
        scanner,
        front: Front::default(),
        buffer: Buffer::default(),
        offset: 0,
        taken: 0,
        lines: 0,
        from: file.at.clone(),
        skip: file.at.records,
    };
    let mut splitter = ArraySplitter::new(RECORD_BYTES);
    let size = block_bytes(context.job.buffer, 2);
    loop {
        let full = values.buffer.len() + size;
        let filled = file.fill(&mut values.buffer, full);
        if values.offset == 0 && values.taken == 0 {
            values.pass(values.buffer.len() - strip_bom(&values.buffer).len());
        }
        values.split(&mut splitter, false)?;
        if !filled? {
            break;
        }
    }
    match values.split(&mut splitter, true) {
        Ok(()) => {}
        Err(Broken::Damaged(_)) if !file.ended => return Ok(End::Growing),
        Err(broken) => return Err(broken),
    }
    values.settle()?;
    Ok(End::Whole)
}

struct Values<'a, S> {
    context: &'a Context<S>,
    scanner: JsonScanner,
    front: Front,
    buffer: Buffer,
    /// Where `buffer` begins in the file.
    offset: u64,
    /// How much of `buffer` went by.
    taken: usize,
    /// Line ends that went by and are in no part.
    lines: u64,
    /// Where the reading begins.
    from: At,
    /// Records still to be passed over.
    skip: u64,
}

impl<S: Storage> Values<'_, S> {
    /// Hands on the records that the buffer holds whole.
    fn split(&mut self, splitter: &mut ArraySplitter, last: bool) -> Result<(), Broken> {
        self.buffer.pass(self.taken);
        self.offset += self.taken as u64;
        self.taken = 0;
        let Split { records, consumed, broken } = splitter.split(&self.buffer, last);
        let mut records = records.as_slice();
        while let Some((first, others)) = records.split_first()
            && self.skip > 0
        {
            self.skip -= 1;
            self.pass(first.end);
            records = others;
        }
        while let Some(rest) = self.buffer.get(self.taken..).filter(|_| !records.is_empty()) {
            let taken = self.taken;
            let shifted: Vec<_> = records.iter().map(|r| r.start - taken..r.end - taken).collect();
            let scanned = self.scanner.records(rest, &shifted)?;
            let stuck = scanned.consumed == 0;
            let mut part = Part::scanned(scanned, rest, self.offset + taken as u64, &mut self.front);
            part.lines += self.lines;
            part.bad.iter_mut().for_each(|bad| bad.line += self.lines);
            self.lines = 0;
            self.taken += usize::try_from(part.offset - self.offset).unwrap_or(0) - taken;
            records = records.get(usize::try_from(part.records).unwrap_or(0)..).unwrap_or_default();
            self.context.out.part(part)?;
            if stuck {
                break;
            }
        }
        if let Some(broken) = broken {
            return Err(Broken::Damaged(broken.reason));
        }
        self.pass(consumed);
        Ok(())
    }

    /// The bytes up to `end` of the buffer hold no record that is to be read.
    fn pass(&mut self, end: usize) {
        let bytes = self.buffer.get(self.taken..end).unwrap_or_default();
        let start = self.offset + self.taken as u64;
        let counted = usize::try_from(self.from.offset.saturating_sub(start)).unwrap_or(usize::MAX);
        self.lines += bytes.iter().skip(counted).filter(|byte| **byte == b'\n').count() as u64;
        self.front.take(bytes);
        self.taken = self.taken.max(end);
    }

    /// Moves the place behind what stands after the last record.
    fn settle(&mut self) -> Result<(), Broken> {
        let offset = self.offset + self.taken as u64;
        Ok(self.context.out.part(Part::place(&self.context.schema, offset, self.lines, &self.front))?)
    }
}
