//! CSV: decoded one block after another, because only a block's start says where its records are.
use thyme_core::{Error, Job, Kind};
use thyme_formats::csv::{CsvOptions, CsvScanner};
use thyme_formats::scan::Unknown;

use super::buffer::Buffer;
use super::bytes::Stream;
use super::file::{Broken, Context, File};
use super::json::ROWS;
use super::lines::block_bytes;
use super::part::{Bad, Part, RECORD_BYTES};
use super::state::End;
use crate::storage::Storage;

/// A longer header is none.
const HEADER_BYTES: usize = 1 << 20;
const HEADER_STEP: usize = 64 << 10;

/// The user's `given` options with what the job says.
pub(super) fn options(job: &Job, given: &CsvOptions) -> CsvOptions {
    CsvOptions {
        unknown: if job.report_drift { Unknown::Report } else { Unknown::Ignore },
        timestamp_unit: super::unit(job),
        rows_at_most: ROWS,
        record_bytes_at_most: RECORD_BYTES,
        ..given.clone()
    }
}

/// Reads `file` to its end; `again` is the same from its start, for the header.
pub(super) fn read<S: Storage>(context: &Context<S>, file: &mut File, again: Result<Stream, Broken>) -> Result<End, Broken> {
    let mut scanner = CsvScanner::new(&context.schema, options(&context.job, &context.shared.options.csv))?;
    let Some(header) = header(&mut scanner, file, again?)? else { return Ok(End::Growing) };
    let mut offset = file.at.offset;
    let mut buffer = Buffer::default();
    if offset < header.len() as u64 {
        // At the start of the file: the header is passed over.
        let mut start = Buffer::default();
        file.fill(&mut start, header.len())?;
        file.front.take(&start);
        offset = start.len() as u64;
        let lines = start.iter().filter(|byte| **byte == b'\n').count() as u64;
        context.out.part(Part::place(&context.schema, offset, lines, &file.front))?;
    }
    let hint = context.shared.options.csv.header.then(|| String::from_utf8_lossy(&header).into_owned().into());
    let size = block_bytes(context.job.buffer, 3);
    if file.at.end == End::Unended {
        let end = line_end(file, &mut buffer, size)?;
        file.front.take(buffer.get(..end).unwrap_or_default());
        buffer.pass(end);
        offset += end as u64;
        context.out.part(Part::place(&context.schema, offset, u64::from(end > 0), &file.front))?;
    }
    let mut more = true;
    while more {
        let full = buffer.len() + size;
        let filled = file.fill(&mut buffer, full);
        more = *filled.as_ref().unwrap_or(&false);
        let last = matches!(filled, Ok(false)) && file.ended;
        let mut at = 0;
        while let Some(rest) = buffer.get(at..).filter(|rest| !rest.is_empty()) {
            let scanned = scanner.records(rest, last)?;
            let consumed = scanned.consumed;
            let before = file.front.clone();
            let mut part = Part::scanned(scanned, rest, offset, &mut file.front);
            part.hint = hint.clone().filter(|_| !part.bad.is_empty());
            part.settled = !scanner.inside_record();
            let cut = last && file.grows && at + consumed == buffer.len() && is_cut(&part, &buffer, offset - at as u64);
            if cut && let Some(bad) = part.bad.last() {
                // Told, and read again from its start when the file goes on.
                let kept = usize::try_from(bad.offset - offset).unwrap_or(0);
                file.front = before;
                file.front.take(rest.get(..kept).unwrap_or_default());
                (part.offset, part.lines, part.records) = (bad.offset, bad.line, part.records - 1);
                (part.head, part.tail) = (file.front.head(), file.front.tail());
            }
            context.out.part(part)?;
            if cut {
                return Ok(End::Cut);
            }
            (at, offset) = (at + consumed, offset + consumed as u64);
            if consumed == 0 {
                break;
            }
        }
        let ended = buffer.last().is_none_or(|byte| *byte == b'\n');
        buffer.pass(at);
        filled?;
        if !more {
            return Ok(match (buffer.is_empty(), ended) {
                (false, _) => End::Growing,
                (true, false) => End::Unended,
                (true, true) => End::Whole,
            });
        }
    }
    Ok(End::Whole)
}

/// Whether the last record of the part is bad and ends the file without a line end. `start`: of the buffer, in the file.
fn is_cut(part: &Part, buffer: &[u8], start: u64) -> bool {
    let Some(Bad { row, payload, offset, .. }) = part.bad.last() else { return false };
    let end = usize::try_from(offset - start).unwrap_or(usize::MAX).saturating_add(payload.len());
    *row == part.rows.num_rows() && end >= buffer.len()
}

/// Gives the scanner the header; its bytes. `None`: the file ends within it and may go on.
fn header(scanner: &mut CsvScanner, file: &File, mut stream: Stream) -> Result<Option<Vec<u8>>, Broken> {
    let mut start = Buffer::default();
    loop {
        let size = start.len() + HEADER_STEP;
        let more = file.fill_from(&mut stream, &mut start, size)?;
        let found = scanner.header(&start, !more && file.ended).map_err(|error| match error.kind() {
            Kind::Data => Broken::Damaged(error.to_string()),
            _ => Broken::Failed(error.context("path", &file.path)),
        })?;
        if let Some(taken) = found {
            return Ok(Some(start.get(..taken).unwrap_or_default().to_vec()));
        }
        if !more {
            return Ok(None);
        }
        if start.len() > HEADER_BYTES {
            return Err(Broken::Damaged(format!("the csv header is longer than {HEADER_BYTES} bytes")));
        }
    }
}

/// The length of the line end that a last record, which was taken without one, must have got; 0 where nothing was added.
fn line_end(file: &mut File, buffer: &mut Buffer, size: usize) -> Result<usize, Broken> {
    file.fill(buffer, size)?;
    match &**buffer {
        [] => Ok(0),
        [b'\n', ..] => Ok(1),
        [b'\r', b'\n', ..] => Ok(2),
        _ => {
            let text = "a record that was taken for the last one, without a line end, went on; set `changed` to `reread` to \
                        read the file again";
            Err(Error::new(Kind::CursorLost, text).context("path", &file.path).into())
        }
    }
}
