//! JSON Lines: blocks cut at line ends, decoded ahead on as many threads as the job has, handed on in order.
use std::sync::{Arc, Mutex, PoisonError};

use thyme_core::Result;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_formats::bom::strip_bom;
use thyme_formats::json::{JsonOptions, JsonScanner};

use super::buffer::{Buffer, Idle};
use super::file::{Broken, Context, File};
use super::json;
use super::part::{Bad, Item, Part, RECORD_BYTES, cut_short, payload};
use super::prints::Front;
use super::state::End;
use crate::storage::Storage;

/// Bytes of a block, where the job's memory allows. Larger ones are no faster and leave the caches.
const BLOCK: usize = 2 << 20;
/// Bytes of the least block.
const BLOCK_MIN: usize = 256 << 10;

/// Bytes of a block such that `ahead` of them are within the job's memory.
pub(super) fn block_bytes(buffer: usize, ahead: usize) -> usize {
    (buffer / ahead.max(1)).clamp(BLOCK_MIN, BLOCK)
}

/// Scanners that are not at work; one that was used knows the order of keys.
struct Scanners {
    schema: SchemaRef,
    options: JsonOptions,
    idle: Mutex<Vec<JsonScanner>>,
}

impl Scanners {
    fn with<T>(&self, work: impl FnOnce(&mut JsonScanner) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scanner = match idle {
            Some(scanner) => scanner,
            None => JsonScanner::new(&self.schema, self.options.clone())?,
        };
        let done = work(&mut scanner);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(scanner);
        done
    }
}

/// Reads `file` to its end.
pub(super) fn read<S: Storage>(context: &Context<S>, file: &mut File) -> Result<End, Broken> {
    let (job, options) = (&context.job, json::options(&context.job));
    let scanners = Arc::new(Scanners { schema: Arc::clone(&context.schema), options, idle: Mutex::default() });
    let threads = job.threads.max(1);
    let size = block_bytes(job.buffer, threads + 2);
    let buffer = Idle::new(size).buffer();
    let mut lines = Lines { context, file, scanners, threads, offset: 0, buffer };
    lines.offset = lines.file.at.offset;
    let mut fill = size;
    loop {
        let more = lines.fill(fill)?;
        match lines.buffer.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let block = lines.buffer.split_to(end + 1);
                lines.decode(block)?;
                fill = size;
            }
            None if more && lines.buffer.len() > RECORD_BYTES => lines.skip()?,
            None => fill = lines.buffer.len() + size,
        }
        if !more {
            return lines.last();
        }
    }
}

struct Lines<'a, S> {
    context: &'a Context<S>,
    file: &'a mut File,
    scanners: Arc<Scanners>,
    threads: usize,
    /// Where `buffer` begins in the file.
    offset: u64,
    buffer: Buffer,
}

impl<S: Storage> Lines<'_, S> {
    /// Fills the buffer up to `size` bytes; false at the end of the file. The lines before a damage are good.
    fn fill(&mut self, size: usize) -> Result<bool, Broken> {
        let filled = self.file.fill(&mut self.buffer, size);
        if let Err(Broken::Damaged(_)) = &filled
            && let Some(end) = self.buffer.iter().rposition(|byte| *byte == b'\n')
        {
            let block = self.buffer.split_to(end + 1);
            self.buffer.pass(self.buffer.len());
            self.decode(block)?;
        }
        filled
    }

    /// Decodes whole lines, here or on another thread.
    fn decode(&mut self, block: Buffer) -> Result<(), Broken> {
        let (offset, mut front) = (self.offset, self.file.front.clone());
        self.offset += block.len() as u64;
        self.file.front.take(&block);
        if self.threads == 1 {
            for part in self.context.out.check(self.scanners.with(|scanner| parts(scanner, &block, offset, &mut front)))? {
                self.context.out.part(part)?;
            }
            return Ok(());
        }
        let scanners = Arc::clone(&self.scanners);
        let work = move || scanners.with(|scanner| parts(scanner, &block, offset, &mut front));
        Ok(self.context.out.send(Item::Soon(self.context.runtime.spawn_blocking(work)))?)
    }

    /// Passes over a line that is too long, up to its end.
    fn skip(&mut self) -> Result<(), Broken> {
        let (start, whole) = (self.offset, 0..self.buffer.len());
        let (payload, _) = payload(&self.buffer, whole);
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            let done = end.unwrap_or(self.buffer.len());
            self.file.front.take(self.buffer.get(..done).unwrap_or_default());
            self.buffer.pass(done);
            self.offset += done as u64;
            if end.is_some() || !self.fill(BLOCK_MIN)? && self.buffer.is_empty() {
                let reason = cut_short(&format!("the line is longer than {RECORD_BYTES} bytes"));
                let bad = Bad { row: 0, payload, line: 0, column: 1, offset: start, reason };
                let place = Part::place(&self.context.schema, self.offset, u64::from(end.is_some()), &self.file.front);
                return Ok(self.context.out.part(Part { bad: vec![bad], records: 1, ..place })?);
            }
        }
    }

    /// The last line, which has no line end. One that parses is whole; another one may be going on.
    fn last(&mut self) -> Result<End, Broken> {
        if self.buffer.is_empty() {
            return Ok(End::Whole);
        }
        let block = std::mem::take(&mut self.buffer);
        let mut front = self.file.front.clone();
        let scan = |scanner: &mut JsonScanner| {
            let start = bom(&block, self.offset);
            let scanned = scanner.lines(block.get(start..).unwrap_or_default(), true)?;
            front.take(block.get(..start).unwrap_or_default());
            Ok(Part::scanned(scanned, block.get(start..).unwrap_or_default(), self.offset + start as u64, &mut front))
        };
        let mut part = self.context.out.check(self.scanners.with(scan))?;
        if part.bad.is_empty() || !self.file.grows {
            self.context.out.part(part)?;
            return Ok(End::Unended);
        }
        if !self.file.ended {
            return Ok(End::Growing);
        }
        // Told, and read again from its start when the file goes on.
        (part.offset, part.lines, part.records) = (self.offset, 0, 0);
        (part.head, part.tail) = (self.file.front.head(), self.file.front.tail());
        self.context.out.part(part)?;
        Ok(End::Cut)
    }
}

fn parts(scanner: &mut JsonScanner, block: &[u8], offset: u64, front: &mut Front) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut at = bom(block, offset);
    front.take(block.get(..at).unwrap_or_default());
    while let Some(rest) = block.get(at..).filter(|rest| !rest.is_empty()) {
        let scanned = scanner.lines(rest, true)?;
        let part = Part::scanned(scanned, rest, offset + at as u64, front);
        at = usize::try_from(part.offset - offset).unwrap_or(block.len());
        let stop = part.drift.is_some() || part.offset == offset + (block.len() - rest.len()) as u64;
        parts.push(part);
        if stop {
            break;
        }
    }
    Ok(parts)
}

/// Bytes of the byte order mark, which only the start of a file may have.
fn bom(block: &[u8], offset: u64) -> usize {
    if offset == 0 { block.len() - strip_bom(block).len() } else { 0 }
}
