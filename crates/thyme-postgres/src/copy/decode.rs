//! From the server's bytes to Arrow columns, without a value in between.
mod column;
mod list;
mod net;
mod numeric;
mod scalar;
mod time;
mod var;

use std::borrow::Cow;

use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions};
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Kind, Place, Reject, Result};

use super::SIGNATURE;
use crate::catalog;
use crate::types::wire;
use column::Column;

/// Rows that were decoded.
#[derive(Debug)]
pub struct Decoded {
    /// All of them, in the order of the server. Values that were refused are NULL.
    pub rows: RecordBatch,
    /// The rows with a value that Arrow can't hold, in order; one entry each.
    pub bad: Vec<Bad>,
}

/// A row with a value that Arrow can't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Its row in the batch.
    pub row: usize,
    /// The first column with such a value.
    pub column: String,
    /// What is wrong with it.
    pub reason: String,
    /// The row as the server sent it, to be fed to a [`Decoder::headless`]; `None` where it was found too late.
    pub payload: Option<Bytes>,
}

impl Bad {
    /// As a reject of the table or query `path`.
    pub fn reject(self, path: impl Into<String>) -> Reject {
        Reject {
            payload: self.payload,
            reason: format!("column `{}`: {}", self.column, self.reason),
            place: Place { path: Some(path.into()), ..Place::default() },
            ..Reject::default()
        }
    }
}

/// What can be wrong with a value.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// It is not what the server sends: the stream is broken.
    Broken(&'static str),
    /// It is a value of the server that Arrow has none for. A NULL stands in its place.
    Refused(Cow<'static, str>),
}

impl Fault {
    fn refused<T>(reason: impl Into<Cow<'static, str>>) -> Result<T, Self> {
        Err(Self::Refused(reason.into()))
    }
}

/// Turns the bytes of `COPY … TO STDOUT (FORMAT binary)` into batches. Any bytes are either decoded or an error.
#[derive(Debug)]
pub struct Decoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    stage: Stage,
    /// The start of a tuple, or of the header, whose end has not come yet.
    partial: Vec<u8>,
    /// The fields of the tuple under way: start and length, negative for NULL.
    fields: Vec<(usize, i32)>,
    rows: usize,
    bytes: usize,
    total: u64,
    bad: Vec<Bad>,
}

/// Where a batch is full.
#[derive(Clone, Copy, Debug)]
struct Limit {
    rows: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Header,
    Tuples,
    Done,
}

impl Decoder {
    /// A decoder of a whole stream: of `columns` as [`select`](crate::types::select) has them sent for the fields of `schema`.
    ///
    /// # Errors
    /// `Schema` where a column can't be read as its field.
    pub fn new(columns: &[catalog::Column], schema: SchemaRef) -> Result<Self> {
        if columns.len() != schema.fields().len() {
            let text = format!("{} columns for {} fields", columns.len(), schema.fields().len());
            return Err(Error::new(Kind::Unexpected, text));
        }
        let one = |(column, field): (&catalog::Column, &thyme_core::arrow::datatypes::FieldRef)| {
            let wire = wire(column, field)?;
            Column::new(&wire.ty, field)
                .ok_or_else(|| Error::new(Kind::Unexpected, format!("no decoder of {:?} as {}", wire.ty, field.data_type())))
        };
        let decoders = columns.iter().zip(schema.fields()).map(one).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            fields: Vec::with_capacity(decoders.len()),
            schema,
            columns: decoders,
            stage: Stage::Header,
            partial: Vec::new(),
            rows: 0,
            bytes: 0,
            total: 0,
            bad: Vec::new(),
        })
    }

    /// The same for tuples alone, as in [`Bad::payload`].
    #[must_use]
    #[cfg(feature = "testing")]
    pub fn headless(self) -> Self {
        Self { stage: Stage::Tuples, ..self }
    }

    /// Takes the next bytes, cut wherever they happen to be.
    ///
    /// # Errors
    /// `Unexpected` with row and column for bytes that the server does not send.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<()> {
        self.feed_some(chunk, usize::MAX, usize::MAX).map(drop)
    }

    /// Takes bytes until there are so many rows, or rows of so many bytes, and says how many it took: all, if there are not.
    ///
    /// # Errors
    /// As [`Decoder::feed`].
    pub fn feed_some(&mut self, chunk: &[u8], rows: usize, bytes: usize) -> Result<usize> {
        let limit = Limit { rows, bytes };
        if self.partial.is_empty() {
            let used = self.tuples(chunk, limit)?;
            if self.full(limit) {
                return Ok(used);
            }
            self.partial.extend_from_slice(chunk.get(used..).unwrap_or_default());
            return Ok(chunk.len());
        }
        let mut joined = std::mem::take(&mut self.partial);
        let before = joined.len();
        joined.extend_from_slice(chunk);
        let used = self.tuples(&joined, limit)?;
        // A tuple that was cut ends behind what was there before.
        if self.full(limit) && used >= before {
            return Ok(used - before);
        }
        joined.drain(..used);
        self.partial = joined;
        Ok(chunk.len())
    }

    fn full(&self, limit: Limit) -> bool {
        self.rows >= limit.rows || self.bytes >= limit.bytes
    }

    /// Rows that [`Decoder::take`] would return.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that they had on the wire.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows so far; `None` when there are none.
    ///
    /// # Errors
    /// `Unexpected` when the columns do not make a batch.
    pub fn take(&mut self) -> Result<Option<Decoded>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let (rows, mut bad) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.bad));
        self.bytes = 0;
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter_mut().zip(self.schema.fields()) {
            let (array, invalid) = column.finish(field)?;
            arrays.push(array);
            let late = |row| Bad {
                row,
                column: field.name().clone(),
                reason: "text that is not UTF-8, from a database with encoding SQL_ASCII".to_owned(),
                payload: None,
            };
            bad.extend(invalid.into_iter().map(late));
        }
        bad.sort_by_key(|bad| bad.row);
        bad.dedup_by_key(|bad| bad.row);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let rows = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), arrays, &options)
            .map_err(|e| Error::new(Kind::Unexpected, "the decoded columns do not make a batch").source(e))?;
        Ok(Some(Decoded { rows, bad }))
    }

    /// To be called after the last bytes.
    ///
    /// # Errors
    /// `Unavailable` when the stream was cut off before its trailer.
    pub fn end(&self) -> Result<()> {
        if self.stage == Stage::Done && self.partial.is_empty() {
            return Ok(());
        }
        Err(Error::new(Kind::Unavailable, "the rows of a COPY end before its trailer").context("rows", self.total))
    }

    /// Decodes what is whole in `bytes`, and says how much that is.
    fn tuples(&mut self, bytes: &[u8], limit: Limit) -> Result<usize> {
        let mut at = 0;
        if self.stage == Stage::Header {
            match header(bytes)? {
                Some(length) => at = length,
                None => return Ok(0),
            }
            self.stage = Stage::Tuples;
        }
        while self.stage == Stage::Tuples && !self.full(limit) {
            let Some(end) = self.split(bytes, at)? else { return Ok(at) };
            if self.stage == Stage::Tuples {
                self.tuple(bytes, at, end)?;
            }
            at = end;
        }
        if self.stage == Stage::Done && at < bytes.len() {
            return Err(self.broken(None, "bytes after the trailer"));
        }
        Ok(at)
    }

    /// Finds the fields of the tuple at `at`, and its end; `None` if that has not come yet.
    #[inline]
    fn split(&mut self, bytes: &[u8], at: usize) -> Result<Option<usize>> {
        let Some(count) = bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map(i16::from_be_bytes) else { return Ok(None) };
        let mut end = at + 2;
        if count == -1 {
            self.stage = Stage::Done;
            return Ok(Some(end));
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            return Err(self.broken(None, "another number of fields than there are columns"));
        }
        self.fields.clear();
        for column in 0..self.columns.len() {
            let Some(length) = bytes.get(end..end + 4).and_then(|b| b.try_into().ok()).map(i32::from_be_bytes) else {
                return Ok(None);
            };
            end += 4;
            self.fields.push((end, length));
            match usize::try_from(length) {
                Ok(length) if length <= bytes.len() - end => end += length,
                Ok(_) => return Ok(None),
                Err(_) if length == -1 => {}
                Err(_) => return Err(self.broken(Some(column), "a negative length")),
            }
        }
        Ok(Some(end))
    }

    #[inline]
    fn tuple(&mut self, bytes: &[u8], start: usize, end: usize) -> Result<()> {
        let mut refused = None;
        for (index, (column, &(at, length))) in self.columns.iter_mut().zip(&self.fields).enumerate() {
            let Ok(length) = usize::try_from(length) else {
                column.null();
                continue;
            };
            match column.push(bytes.get(at..at + length).unwrap_or_default()) {
                Ok(()) => {}
                Err(Fault::Refused(reason)) => drop(refused.get_or_insert((index, reason))),
                Err(Fault::Broken(what)) => return Err(self.broken(Some(index), what)),
            }
        }
        if let Some((index, reason)) = refused {
            let payload = bytes.get(start..end).map(Bytes::copy_from_slice);
            let column = self.schema.fields().get(index).map(|field| field.name().clone()).unwrap_or_default();
            self.bad.push(Bad { row: self.rows, column, reason: reason.into_owned(), payload });
        }
        self.rows += 1;
        self.total += 1;
        self.bytes += end - start;
        Ok(())
    }

    fn broken(&self, column: Option<usize>, what: &str) -> Error {
        let error = Error::new(Kind::Unexpected, format!("the server sent what is no COPY: {what}"));
        let error = error.context("row", self.total + 1);
        match column.and_then(|column| self.schema.fields().get(column)) {
            Some(field) => error.context("column", field.name()),
            None => error,
        }
    }
}

/// The length of the header, if all of it is there.
fn header(bytes: &[u8]) -> Result<Option<usize>> {
    let wrong = |what: &str| Err(Error::new(Kind::Unexpected, format!("the server sent what is no COPY: {what}")));
    if bytes.iter().zip(SIGNATURE).any(|(a, b)| a != b) {
        return wrong("another signature");
    }
    let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
    let (Some(flags), Some(extension)) = (word(11), word(15)) else { return Ok(None) };
    if flags >> 16 != 0 {
        return wrong("flags that are not known");
    }
    let end = 19 + extension as usize;
    Ok((end <= bytes.len()).then_some(end))
}
