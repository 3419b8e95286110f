//! The scanner: records one after another, bad ones set aside.
use std::ops::Range;
use std::sync::Arc;

use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions};
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::drift::Drift;
use thyme_core::{Error, Kind, Result};

use super::column::{Column, broken};
use super::input::{Failed, Input, Reason};
use super::object::Object;
use super::{JsonOptions, build, infer};
use crate::scan::{BadRecord, Scanned, Unknown};

/// Offsets of text are 32 bits wide; what a block holds never becomes longer.
const BLOCK_AT_MOST: usize = 1 << 30;

/// Turns blocks of JSON Lines, or single messages, into batches of one schema.
///
/// It may be used for block after block; what it learned of one (the order of keys, sizes) makes it faster on the next.
#[derive(Debug)]
pub struct JsonScanner {
    schema: SchemaRef,
    options: JsonOptions,
    root: Object,
    /// The rest of a line that was too long is passed over.
    inside: bool,
    /// Rows and bytes of the last block.
    last: (usize, usize),
}

/// What became of a record.
enum Outcome {
    Row,
    Bad { column: u64, reason: String },
    Drift(Drift),
}

/// What was found so far in a block.
#[derive(Default)]
struct Found {
    bad: Vec<BadRecord>,
    drift: Option<Drift>,
    consumed: usize,
    lines: u64,
}

impl JsonScanner {
    /// A scanner for records of `schema`.
    ///
    /// # Errors
    /// `Unsupported` for a field of a type that JSON cannot be read into, `Config` for a name that is there twice.
    pub fn new(schema: &SchemaRef, options: JsonOptions) -> Result<Self> {
        let root = build::object(schema.fields(), 1, options.timestamp_unit)?;
        let options = JsonOptions { rows_at_most: options.rows_at_most.max(1), ..options };
        Ok(Self { schema: Arc::clone(schema), options, root, inside: false, last: (0, 0) })
    }

    /// Scans JSON Lines: a record a line, blank lines passed over. Without `last` an unfinished last line is left alone.
    ///
    /// An unfinished line longer than `record_bytes_at_most` is a bad record of as many bytes as there are; where it goes on in
    /// the next block it is passed over. Until then [`inside_record`](Self::inside_record) is true.
    ///
    /// # Errors
    /// `Unsupported` for a block of more than 1 GiB, `Unexpected` for a defect; never for what the block holds.
    pub fn lines(&mut self, block: &[u8], last: bool) -> Result<Scanned> {
        let whole = if last { block.len() } else { block.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1) };
        let text = block.get(..whole).unwrap_or_default();
        let mut found = Found::default();
        if self.inside {
            let end = newline(block, 0);
            self.inside = end == block.len() && !last;
            found.lines = u64::from(end < block.len());
            found.consumed = (end + 1).min(block.len());
        }
        self.begin(block)?;
        let valid = simdutf8::basic::from_utf8(text).is_ok();
        let mut input = Input::new(text, true);
        while found.consumed < whole && self.root.rows() < self.options.rows_at_most {
            let start = found.consumed;
            let begin = input.blank(start);
            let (outcome, end) = match input.byte(begin) {
                None | Some(b'\n') => (Outcome::Row, begin),
                _ => self.record(&mut input, start..begin, valid)?,
            };
            match outcome {
                Outcome::Row => {}
                Outcome::Bad { column, reason } => {
                    let line = text.get(start..end).unwrap_or_default();
                    let bytes = start..end - usize::from(line.ends_with(b"\r"));
                    found.bad.push(BadRecord { row: self.root.rows(), bytes, line: found.lines, column, reason });
                }
                Outcome::Drift(drift) => {
                    found.drift = Some(drift);
                    break;
                }
            }
            found.consumed = (end + 1).min(whole);
            found.lines += u64::from(end < whole);
        }
        let rest = found.consumed..block.len();
        if rest.start >= whole && found.drift.is_none() && rest.len() > self.options.record_bytes_at_most {
            found.bad.push(BadRecord {
                row: self.root.rows(),
                bytes: rest,
                line: found.lines,
                column: 1,
                reason: too_long(self.options.record_bytes_at_most),
            });
            found.consumed = block.len();
            self.inside = true;
        }
        self.finish(found)
    }

    /// Whether the last block ended inside a line that was too long. A position between two such blocks is not one to go on
    /// from with a new scanner.
    #[must_use]
    pub fn inside_record(&self) -> bool {
        self.inside
    }

    /// Scans messages: each one record, newlines being white space. Record `i` is `block[ends[i - 1]..ends[i]]`. How many
    /// records were dealt with is the number of rows and of bad records.
    ///
    /// # Errors
    /// As for [`lines`](Self::lines); `Unexpected` if `ends` do not ascend within the block.
    pub fn messages(&mut self, block: &[u8], ends: &[usize]) -> Result<Scanned> {
        let starts = std::iter::once(0).chain(ends.iter().copied());
        self.ranges(block, starts.zip(ends).map(|(start, end)| start..*end))
    }

    /// The same for records that lie apart, as [`ArraySplitter`](super::ArraySplitter) finds them. `consumed` is the end of the
    /// last record dealt with.
    ///
    /// # Errors
    /// As for [`messages`](Self::messages).
    pub fn records(&mut self, block: &[u8], records: &[Range<usize>]) -> Result<Scanned> {
        self.ranges(block, records.iter().cloned())
    }

    fn ranges(&mut self, block: &[u8], records: impl Iterator<Item = Range<usize>>) -> Result<Scanned> {
        self.begin(block)?;
        let valid = simdutf8::basic::from_utf8(block).is_ok();
        let mut found = Found::default();
        let mut counted = 0;
        let mut input = Input::new(block, false);
        for Range { start, end } in records {
            if self.root.rows() == self.options.rows_at_most {
                break;
            }
            let Some(message) = block.get(start..end).filter(|_| start >= found.consumed) else {
                return Err(Error::new(Kind::Unexpected, "the records of a block must ascend and lie within it"));
            };
            // Cut by its ends, a block that is valid may hold records that are not.
            let valid =
                valid && starts_char(block, start) && starts_char(block, end) || simdutf8::basic::from_utf8(message).is_ok();
            if valid && self.quick(&mut input, block, start..end) {
                found.consumed = end;
                continue;
            }
            input.bytes = block.get(..end).unwrap_or_default();
            let begin = input.blank(start);
            match self.record(&mut input, start..begin, valid)?.0 {
                Outcome::Row => {}
                Outcome::Bad { column, reason } => {
                    found.lines += count_lines(block.get(counted..start).unwrap_or_default());
                    counted = start;
                    found.bad.push(BadRecord { row: self.root.rows(), bytes: start..end, line: found.lines, column, reason });
                }
                Outcome::Drift(drift) => {
                    found.drift = Some(drift);
                    break;
                }
            }
            found.consumed = end;
        }
        found.lines += count_lines(block.get(counted..found.consumed).unwrap_or_default());
        self.finish(found)
    }

    /// Reads a record without cutting what follows it off, so that its last bytes are read as fast as the others. False, and
    /// nothing is taken, if anything is odd about it.
    #[inline]
    fn quick<'a>(&mut self, input: &mut Input<'a>, block: &'a [u8], record: Range<usize>) -> bool {
        let row = self.root.rows();
        let mut unknown = false;
        input.bytes = block;
        let begin = input.blank(record.start);
        if let Ok(end) = self.root.read(input, begin, &mut unknown)
            && record.len() <= self.options.record_bytes_at_most
            && !(unknown && self.options.unknown == Unknown::Report)
            && block.get(end..record.end).is_some_and(|rest| rest.iter().all(|byte| b" \t\r\n".contains(byte)))
        {
            return true;
        }
        self.root.truncate(row);
        false
    }

    /// Reads the record that starts at `blank.start` and has its first token at `blank.end`. What became of it, and its end.
    #[inline]
    fn record(&mut self, input: &mut Input<'_>, blank: Range<usize>, valid: bool) -> Result<(Outcome, usize)> {
        let row = self.root.rows();
        let mut unknown = false;
        let parsed = self.parse(input, blank.end, valid, &mut unknown);
        let start = blank.start;
        if let Ok(end) = parsed
            && end - start <= self.options.record_bytes_at_most
        {
            if unknown && self.options.unknown == Unknown::Report {
                let record = input.bytes.get(start..end).unwrap_or_default();
                if let Some(drift) = infer::added(record, &self.schema)? {
                    self.root.truncate(row);
                    return Ok((Outcome::Drift(drift), end));
                }
            }
            return Ok((Outcome::Row, end));
        }
        self.root.truncate(row);
        let end = if input.lines { newline(input.bytes, start) } else { input.bytes.len() };
        if end - start > self.options.record_bytes_at_most {
            let reason = too_long(self.options.record_bytes_at_most);
            return Ok((Outcome::Bad { column: 1, reason }, end));
        }
        let column = (input.fault_at().clamp(start, end) - start) as u64 + 1;
        Ok((Outcome::Bad { column, reason: input.fault() }, end))
    }

    /// Reads the record at `pos` up to its end: a newline that is left, or the end of the input.
    #[inline]
    fn parse(&mut self, input: &mut Input<'_>, pos: usize, valid: bool, unknown: &mut bool) -> Result<usize, Failed> {
        if !valid {
            check_utf8(input, pos)?;
        }
        let end = self.root.read(input, pos, unknown)?;
        let end = input.blank(end);
        match input.byte(end) {
            None => Ok(end),
            Some(b'\n') if input.lines => Ok(end),
            Some(_) if input.lines => input.fail(end, Reason::Expected("the end of the line")),
            Some(_) => input.fail(end, Reason::Expected("the end of the record")),
        }
    }

    fn begin(&mut self, block: &[u8]) -> Result<()> {
        if block.len() > BLOCK_AT_MOST {
            return Err(Error::new(Kind::Unsupported, "a block of JSON is at most 1 GiB large"));
        }
        // Nothing is left of a block that ended in an error.
        self.root.truncate(0);
        let (rows, bytes) = self.last;
        let expected = if bytes == 0 { block.len() / 256 } else { (rows as u64 * block.len() as u64 / bytes as u64) as usize };
        self.root.reserve((expected + expected / 16 + 1).min(self.options.rows_at_most));
        Ok(())
    }

    fn finish(&mut self, found: Found) -> Result<Scanned> {
        let rows = self.root.rows();
        if found.consumed > 0 {
            self.last = (rows, found.consumed);
        }
        let columns = self.root.columns().map(Column::finish).collect::<Result<Vec<_>>>()?;
        self.root.restart();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(broken)?;
        let Found { bad, drift, consumed, lines } = found;
        Ok(Scanned { rows, bad, consumed, lines, drift })
    }
}

/// Fails at the first byte of the record that is not UTF-8, if there is one.
#[cold]
#[inline(never)]
fn check_utf8(input: &mut Input<'_>, start: usize) -> Result<(), Failed> {
    let end = if input.lines { newline(input.bytes, start) } else { input.bytes.len() };
    match simdutf8::compat::from_utf8(input.bytes.get(start..end).unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(error) => input.fail(start + error.valid_up_to(), Reason::Because("not valid UTF-8")),
    }
}

fn starts_char(block: &[u8], pos: usize) -> bool {
    block.get(pos).is_none_or(|byte| byte & 0xC0 != 0x80)
}

/// The position of the first newline from `start` on, or the end.
fn newline(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| start + end)
}

fn count_lines(bytes: &[u8]) -> u64 {
    // Sums that fit a byte are made many at a time.
    bytes.chunks(255).map(|chunk| u64::from(chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>())).sum()
}

fn too_long(limit: usize) -> String {
    format!("the record is longer than {limit} bytes")
}
