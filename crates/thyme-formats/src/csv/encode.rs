//! Batches as CSV.
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Error, Kind, Result};

use super::options::marks;
use crate::encode::BadRow;
use crate::json_out::{Buf, Cells, JsonEncoder, JsonWriteOptions, NonFinite, Numbers, Stop};

/// How CSV is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvWriteOptions {
    /// What stands between two fields; `,` by default.
    pub delimiter: u8,
    /// Whether [`CsvEncoder::header`] writes the names of the columns.
    pub header: bool,
    /// What stands around a field that needs it; `"` by default. Within a field it is written twice.
    pub quote: u8,
    /// What NULL is written as, bare; nothing at all by default. A value that spells the same is quoted.
    pub null_value: String,
}

impl Default for CsvWriteOptions {
    fn default() -> Self {
        Self { delimiter: b',', header: true, quote: b'"', null_value: String::new() }
    }
}

/// Writes batches of one schema as CSV with LF at the end of each record.
///
/// Values have the text they have in JSON, without its quotes and escapes; NaN and the infinities are `NaN`, `Infinity` and
/// `-Infinity`; lists, structs and maps are JSON text. Read back by [`CsvScanner`](super::CsvScanner) it is the same.
#[derive(Debug)]
pub struct CsvEncoder {
    schema: SchemaRef,
    options: CsvWriteOptions,
    values: JsonWriteOptions,
    chunk: Vec<u8>,
}

const CHUNK: usize = 16 << 10;

impl CsvEncoder {
    /// An encoder for batches of `schema`.
    ///
    /// # Errors
    /// Options that contradict each other, a column name that stands twice, a type that has no text.
    pub fn new(schema: &SchemaRef, options: CsvWriteOptions) -> Result<Self> {
        marks(options.delimiter, options.quote, None)?;
        let null = options.null_value.as_bytes();
        if null.iter().any(|b| [options.delimiter, options.quote, b'\n', b'\r'].contains(b)) {
            return Err(Error::new(Kind::Config, "`null_value` cannot have a delimiter, a quote or a line end in it"));
        }
        let values = JsonWriteOptions {
            non_finite: NonFinite::String,
            int64: Numbers::Number,
            decimals: Numbers::String,
            ..JsonWriteOptions::default()
        };
        // The same types and the same rule for names.
        JsonEncoder::new(schema, values.clone())?;
        if schema.fields().is_empty() {
            return Err(Error::new(Kind::Schema, "a csv file has at least one column"));
        }
        Ok(Self { schema: schema.clone(), options, values, chunk: vec![0; 2 * CHUNK] })
    }

    /// Appends the header to `out`, unless the options say that there is none.
    pub fn header(&self, out: &mut Vec<u8>) {
        if !self.options.header {
            return;
        }
        for (i, field) in self.schema.fields().iter().enumerate() {
            if i > 0 {
                out.push(self.options.delimiter);
            }
            let name = field.name().as_bytes();
            if self.must_quote(name) {
                out.push(self.options.quote);
                for byte in name {
                    out.extend(std::iter::repeat_n(*byte, 1 + usize::from(*byte == self.options.quote)));
                }
                out.push(self.options.quote);
            } else {
                out.extend_from_slice(name);
            }
        }
        out.push(b'\n');
    }

    /// Appends the rows of `batch` to `out` and returns those that could not be written, in order; they have no line.
    ///
    /// # Errors
    /// The columns of the batch are not those of the schema.
    pub fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<Vec<BadRow>> {
        let fields = self.schema.fields();
        let same = fields.len() == batch.num_columns()
            && fields.iter().zip(batch.columns()).all(|(field, array)| field.data_type() == array.data_type());
        if !same {
            return Err(Error::new(Kind::Unexpected, "the batch does not have the columns the csv encoder was made for"));
        }
        let columns: Vec<_> =
            fields.iter().zip(batch.columns()).map(|(field, array)| Cells::new(field, array)).collect::<Result<_>>()?;
        let (mut bad, mut at, mut row) = (Vec::new(), 0, 0);
        let mut chunk = std::mem::take(&mut self.chunk);
        while row < batch.num_rows() {
            match self.row(&columns, row, &mut chunk, at) {
                Ok(end) => at = end,
                Err((_, Stop::Full)) => {
                    if at == 0 {
                        chunk.resize((chunk.len() * 2).max(2 * CHUNK), 0);
                    }
                    out.extend_from_slice(chunk.get(..at).unwrap_or_default());
                    at = 0;
                    continue;
                }
                Err((column, Stop::Bad(reason))) => {
                    let name = fields.get(column).map_or("", |field| field.name());
                    bad.push(BadRow { row, reason: format!("{reason} (field `{name}`)") });
                }
            }
            if at >= CHUNK {
                out.extend_from_slice(chunk.get(..at).unwrap_or_default());
                at = 0;
            }
            row += 1;
        }
        out.extend_from_slice(chunk.get(..at).unwrap_or_default());
        chunk.truncate(8 << 20);
        self.chunk = chunk;
        Ok(bad)
    }

    /// Writes a record; the error says in which column it stopped.
    #[inline(always)]
    fn row(&self, columns: &[Cells<'_>], row: usize, out: &mut Buf, at: usize) -> Result<usize, (usize, Stop)> {
        let mut end = at;
        for (i, cells) in columns.iter().enumerate() {
            let field = if cells.is_null(row) {
                put(out, end, self.options.null_value.as_bytes())
            } else if let Some(text) = cells.text(row) {
                self.text(out, end, text)
            } else {
                self.value(cells, row, out, end)
            };
            end = field.and_then(|end| put(out, end, &[self.options.delimiter])).map_err(|stop| (i, stop))?;
        }
        if let Some(last) = out.get_mut(end - 1) {
            *last = b'\n';
        }
        Ok(end)
    }

    /// Writes a cell that is no text by way of its JSON.
    fn value(&self, cells: &Cells<'_>, row: usize, out: &mut Buf, at: usize) -> Result<usize, Stop> {
        let mut end = cells.write(row, out, at, &self.values)?;
        if cells.is_in_quotes() && out.get(at) == Some(&b'"') {
            out.copy_within(at + 1..end - 1, at);
            end -= 2;
        }
        let text = out.get(at..end).unwrap_or_default();
        if !self.must_quote(text) {
            return Ok(end);
        }
        let text = text.to_vec();
        self.quoted(out, at, &text)
    }

    #[inline(always)]
    fn text(&self, out: &mut Buf, at: usize, text: &[u8]) -> Result<usize, Stop> {
        if self.must_quote(text) { self.quoted(out, at, text) } else { put(out, at, text) }
    }

    fn quoted(&self, out: &mut Buf, at: usize, text: &[u8]) -> Result<usize, Stop> {
        let quote = self.options.quote;
        let mut at = put(out, at, &[quote])?;
        for piece in text.split_inclusive(|b| *b == quote) {
            at = put(out, at, piece)?;
            if piece.ends_with(&[quote]) {
                at = put(out, at, &[quote])?;
            }
        }
        put(out, at, &[quote])
    }

    /// Whether a bare `text` would be read as something else.
    #[inline(always)]
    fn must_quote(&self, text: &[u8]) -> bool {
        let CsvWriteOptions { delimiter, quote, null_value, .. } = &self.options;
        let special = |b: u8| (b == *delimiter) | (b == *quote) | (b == b'\n') | (b == b'\r');
        // Without an early end, so that many bytes are looked at in one step.
        text.iter().fold(false, |found, b| found | special(*b))
            || *text == *null_value.as_bytes()
            || text.starts_with(b"\xef\xbb\xbf")
    }
}

#[inline(always)]
fn put(out: &mut Buf, at: usize, bytes: &[u8]) -> Result<usize, Stop> {
    let end = at + bytes.len();
    out.get_mut(at..end).ok_or(Stop::Full)?.copy_from_slice(bytes);
    Ok(end)
}
