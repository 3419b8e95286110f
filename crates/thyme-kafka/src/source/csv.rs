//! CSV values: each one record, so that a quote left open costs its own record alone.
use thyme_core::Result;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_formats::csv::{CsvOptions, CsvScanner};

use super::block::Texts;
use super::decode::{Bad, Found};

/// Decodes values that are CSV records.
#[derive(Debug)]
pub(super) struct Csv {
    scanner: CsvScanner,
    quote: u8,
    escape: Option<u8>,
    buffer: Vec<u8>,
}

impl Csv {
    pub(super) fn new(schema: &SchemaRef, options: CsvOptions) -> Result<Self> {
        let (quote, escape) = (options.quote, options.escape);
        Ok(Self { scanner: CsvScanner::new(schema, options)?, quote, escape, buffer: Vec::new() })
    }

    /// The rows of `values`. Those that can't reach beyond their end are scanned together.
    pub(super) fn decode(&mut self, values: &Texts) -> Result<Found> {
        let mut found = Found::default();
        let mut run = 0..0;
        for at in 0..values.len() {
            let plain = values.get(at).is_some_and(|value| self.plain(value));
            if plain {
                run.end = at + 1;
                continue;
            }
            self.scan(values, run.clone(), &mut found)?;
            match values.get(at) {
                None => found.bad.push(Bad::absent(at)),
                Some(value) if value.iter().all(u8::is_ascii_whitespace) => {
                    found.bad.push(Bad { record: at, column: None, reason: "no CSV record: the value is empty".to_owned() });
                }
                Some(_) => self.scan(values, at..at + 1, &mut found)?,
            }
            run = at + 1..at + 1;
        }
        self.scan(values, run, &mut found)?;
        Ok(found)
    }

    /// Whether a value ends where its bytes end: without line ends, and with nothing that could be a quote left open.
    fn plain(&self, value: &[u8]) -> bool {
        let special = |byte: &u8| matches!(byte, b'\n' | b'\r') || *byte == self.quote || Some(*byte) == self.escape;
        !value.is_empty() && !value.iter().any(special)
    }

    fn scan(&mut self, values: &Texts, run: std::ops::Range<usize>, found: &mut Found) -> Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        self.buffer.clear();
        for at in run.clone() {
            let value = values.get(at).unwrap_or_default();
            self.buffer.extend_from_slice(value.strip_suffix(b"\n").unwrap_or(value));
            self.buffer.push(b'\n');
        }
        let alone = run.len() == 1;
        let scanned = self.scanner.records(&self.buffer, true)?;
        let records = scanned.rows.num_rows() + scanned.bad.len();
        if alone && (records != 1 || scanned.consumed < self.buffer.len()) {
            let reason = "the value is not one CSV record".to_owned();
            found.bad.push(Bad { record: run.start, column: None, reason });
            return Ok(());
        }
        for (before, bad) in scanned.bad.into_iter().enumerate() {
            let record = run.start + bad.row + before;
            found.bad.push(Bad { record, column: Some(bad.column), reason: bad.reason });
        }
        found.rows.push(scanned.rows);
        Ok(())
    }
}
