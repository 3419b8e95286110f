//! Blocks of a file into batches.
use std::sync::Arc;

use simdutf8::compat::from_utf8;
use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions};
use thyme_core::arrow::datatypes::{Schema, SchemaRef};
use thyme_core::{Error, Kind, Result};

use super::column::Column;
use super::field::Marks;
use super::oversize::Oversize;
use super::record::{Reading, Record};
use super::{CsvOptions, header};
use crate::scan::{BadRecord, Scanned};

/// How much text is checked for UTF-8 at a time: little enough to be still near when it is parsed.
const WINDOW: usize = 32 << 10;

/// Turns the blocks of a CSV file into batches of one schema, in one pass.
///
/// For each file first [`header`](Self::header), then [`records`](Self::records) with what follows, until all is consumed.
#[derive(Debug)]
pub struct CsvScanner {
    schema: SchemaRef,
    options: CsvOptions,
    marks: Marks,
    null: Arc<[u8]>,
    /// In the order of the file, and for each the place in the schema.
    columns: Vec<Column>,
    places: Vec<Option<usize>>,
    line_end: u8,
    scratch: Vec<u8>,
    oversize: Option<Oversize>,
}

impl CsvScanner {
    /// A scanner for `schema`. Its batches have the same columns, all of them nullable.
    ///
    /// # Errors
    /// Options that contradict each other, a name that stands twice, or a type that no CSV field can have (lists, maps, structs).
    pub fn new(schema: &SchemaRef, options: CsvOptions) -> Result<Self> {
        options.check()?;
        for (i, field) in schema.fields().iter().enumerate() {
            if schema.fields()[..i].iter().any(|other| other.name() == field.name()) {
                return Err(Error::new(Kind::Schema, format!("the dataset has `{}` twice", field.name())));
            }
        }
        if schema.fields().is_empty() {
            return Err(Error::new(Kind::Schema, "the dataset has no columns to read a csv file into"));
        }
        let nullable: Vec<_> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let nullable = Arc::new(Schema::new_with_metadata(nullable, schema.metadata().clone()));
        let null = Arc::from(options.null_value.as_bytes());
        let mut scanner = Self {
            schema: nullable,
            marks: Marks::new(&options),
            options,
            null,
            columns: Vec::new(),
            places: Vec::new(),
            line_end: b'\n',
            scratch: Vec::new(),
            oversize: None,
        };
        // Also where a header will tell the order: a type that cannot be read is known now.
        scanner.lay_out((0..schema.fields().len()).map(Some).collect(), &[])?;
        if scanner.options.header {
            scanner.columns.clear();
        }
        Ok(scanner)
    }

    /// Reads the beginning of a file: its byte order mark and, if the options say so, its header, whose names are mapped to the
    /// schema's. Returns the bytes that took, or `None` if they run off `block` (which has to be given again with more behind
    /// it). A file without a record has no header to map: it is `Some`, and there is nothing to read.
    ///
    /// To go on in the middle of a file, give its beginning here all the same and then the bytes from there on to
    /// [`records`](Self::records).
    ///
    /// # Errors
    /// A header that cannot be read or names a column twice; [`Error::drift`] for a column of the schema that the file lacks, and
    /// for one the schema lacks if [`CsvOptions::unknown`] says `Report`.
    pub fn header(&mut self, block: &[u8], last: bool) -> Result<Option<usize>> {
        self.oversize = None;
        let Some(from) = header::bom(block, last) else { return Ok(None) };
        if !self.options.header {
            return Ok(Some(from));
        }
        let Some((names, records)) = header::names(block, from, last, &self.options)? else { return Ok(None) };
        if names.is_empty() {
            return Ok(Some(records));
        }
        self.line_end = if block.get(..records).is_some_and(|b| b.ends_with(b"\r\n")) { b'\r' } else { b'\n' };
        let places = header::map(&names, &self.schema, &self.options, block.get(records..).unwrap_or_default())?;
        self.lay_out(places, &names)?;
        Ok(Some(records))
    }

    /// Whether what was consumed ends within a record that is longer than
    /// [`record_bytes_at_most`](CsvOptions::record_bytes_at_most): it was reported as bad, and the rest of it will be passed over.
    /// No other scanner can go on here.
    #[must_use]
    pub fn inside_record(&self) -> bool {
        self.oversize.is_some()
    }

    /// The rows of a block that begins where a record does. `last`: nothing follows it, so that its end is a record's end.
    ///
    /// # Errors
    /// A header is to be read first; a column's text in one block is beyond 2 GiB. Bad records are no errors.
    pub fn records(&mut self, block: &[u8], last: bool) -> Result<Scanned> {
        if self.columns.is_empty() && !block.is_empty() {
            return Err(Error::new(Kind::Unexpected, "the header of a csv file is read before its records"));
        }
        let mut at = 0;
        let mut scan = Scan { block, last, row: 0, lines: 0, valid: 0, fault: None, bad: Vec::new() };
        if let Some(oversize) = &mut self.oversize {
            let (end, lines) = oversize.pass(block, &self.marks);
            scan.lines = lines;
            if end.is_some() || last {
                self.oversize = None;
            }
            at = end.unwrap_or(block.len());
        }
        while at < block.len() && scan.row < self.options.rows_at_most {
            match self.record(&mut scan, at) {
                Some(next) => at = next,
                None => break,
            }
        }
        let rows = self.finish(scan.row)?;
        Ok(Scanned { rows, bad: scan.bad, consumed: at, lines: scan.lines, drift: None })
    }

    /// The record at `from`; returns where the next one begins.
    #[inline(always)]
    fn record(&mut self, scan: &mut Scan<'_>, from: usize) -> Option<usize> {
        let Scan { block, last, row, .. } = *scan;
        if let Some(b'\n' | b'\r') = block.get(from)
            && let Some(outcome) = self.empty_line(scan, from)
        {
            return outcome;
        }
        let mut reading = Reading {
            marks: &self.marks,
            columns: &mut self.columns,
            last,
            line_end: &mut self.line_end,
            scratch: &mut self.scratch,
        };
        match reading.record(block, from, row) {
            Record::Row(next, lines) => {
                if next - from > self.options.record_bytes_at_most || next > scan.valid {
                    return Some(self.checked(scan, from, next, lines));
                }
                scan.row += 1;
                scan.lines += lines;
                Some(next)
            }
            Record::Bad { next, end, lines, at, reason } => {
                // A fault of the text itself comes before what it was read as.
                let (at, reason) = scan.fault(from, end, self.options.record_bytes_at_most).unwrap_or((at, reason));
                self.reject(scan, from, end, at, reason);
                scan.lines += lines;
                Some(next)
            }
            Record::Open => self.open(scan, from),
        }
    }

    /// A row that is perhaps too long, or not yet known to be UTF-8.
    #[inline(never)]
    fn checked(&mut self, scan: &mut Scan<'_>, from: usize, next: usize, lines: u64) -> usize {
        let mut end = next;
        if lines > 0 && scan.block.get(..next).is_some_and(|b| b.ends_with(b"\n")) {
            end -= 1 + usize::from(scan.block.get(from..next - 1).is_some_and(|b| b.ends_with(b"\r")));
        }
        match scan.fault(from, end, self.options.record_bytes_at_most) {
            Some((at, reason)) => self.reject(scan, from, end, at, reason),
            None => scan.row += 1,
        }
        scan.lines += lines;
        next
    }

    /// What becomes of a line with nothing on it: no record, or in a file of one column NULL. `None`: it is no empty line.
    #[inline(never)]
    fn empty_line(&mut self, scan: &mut Scan<'_>, from: usize) -> Option<Option<usize>> {
        let length = match scan.block.get(from..)? {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            [b'\r'] if !scan.last => return Some(None),
            _ => return None,
        };
        if self.columns.len() == 1 {
            return None;
        }
        scan.lines += 1;
        Some(Some(from + length))
    }

    /// A record that runs off the block: it waits for more, unless it is already too long.
    #[inline(never)]
    fn open(&mut self, scan: &mut Scan<'_>, from: usize) -> Option<usize> {
        self.forget(scan.row);
        let (rest, most) = (scan.block.get(from..)?, self.options.record_bytes_at_most);
        if rest.len() <= most {
            return None;
        }
        self.reject(scan, from, scan.block.len(), from + most, too_long(most));
        let mut oversize = Oversize::new();
        scan.lines += oversize.pass(rest, &self.marks).1;
        self.oversize = Some(oversize);
        Some(scan.block.len())
    }

    fn reject(&mut self, scan: &mut Scan<'_>, from: usize, end: usize, at: usize, reason: String) {
        self.forget(scan.row);
        let column = (at - from) as u64 + 1;
        scan.bad.push(BadRecord { row: scan.row, bytes: from..end, line: scan.lines, column, reason });
    }

    fn forget(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.truncate(rows);
        }
    }

    fn finish(&mut self, rows: usize) -> Result<RecordBatch> {
        if self.columns.is_empty() {
            return Ok(RecordBatch::new_empty(self.schema.clone()));
        }
        let mut arrays = vec![None; self.schema.fields().len()];
        for (column, place) in self.columns.iter_mut().zip(&self.places) {
            let array = column.finish(rows)?;
            if let Some(slot) = place.and_then(|place| arrays.get_mut(place)) {
                *slot = Some(array);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays.into_iter().flatten().collect(), &options)
            .map_err(|error| Error::new(Kind::Unexpected, "the columns of a csv block do not fit together").source(error))
    }

    /// One column for each field of the file.
    fn lay_out(&mut self, places: Vec<Option<usize>>, names: &[String]) -> Result<()> {
        self.columns.clear();
        for (i, place) in places.iter().enumerate() {
            self.columns.push(match place.and_then(|place| self.schema.fields().get(place)) {
                Some(field) => Column::new(field, &self.options, self.null.clone())?,
                None => Column::skip(names.get(i).map_or("", String::as_str), &self.options),
            });
        }
        self.places = places;
        Ok(())
    }
}

fn too_long(most: usize) -> String {
    format!("the record is longer than {most} bytes")
}

/// How far a block was read.
struct Scan<'a> {
    block: &'a [u8],
    last: bool,
    row: usize,
    lines: u64,
    /// Up to here the block is valid UTF-8.
    valid: usize,
    /// Where the next byte is that is not.
    fault: Option<usize>,
    bad: Vec<BadRecord>,
}

impl Scan<'_> {
    /// What is wrong with the bytes of a record whatever they mean: its length, or that it is not UTF-8.
    fn fault(&mut self, from: usize, end: usize, most: usize) -> Option<(usize, String)> {
        if end - from > most {
            return Some((from + most, too_long(most)));
        }
        while self.valid < end {
            if let Some(at) = self.fault
                && at >= from
            {
                return (at < end).then(|| (at, "invalid utf-8".to_owned()));
            }
            // What comes before this record is done with, whatever it was.
            let begin = self.valid.max(from);
            let window = self.block.get(begin..(begin + WINDOW).max(end).min(self.block.len())).unwrap_or_default();
            match from_utf8(window) {
                Ok(_) => (self.valid, self.fault) = (begin + window.len(), None),
                // A character may be cut by the window; the next one begins with it.
                Err(error)
                    if error.error_len().is_none()
                        && begin + window.len() < self.block.len()
                        && begin + error.valid_up_to() >= end =>
                {
                    (self.valid, self.fault) = (begin + error.valid_up_to(), None);
                }
                Err(error) => {
                    self.valid = begin + error.valid_up_to();
                    self.fault = Some(self.valid);
                }
            }
        }
        None
    }
}
