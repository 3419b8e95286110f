//! Record batches as columns of a dataset: by name, types exact or widened, nothing guessed.
use std::collections::HashMap;
use std::io::{Read, Seek};
use std::sync::Arc;

use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{DictionaryBatch, MessageHeader, RecordBatch as Header, root_as_message};
use thyme_core::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use thyme_core::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use thyme_core::drift::Drift;

use super::body;
use super::frames::{Frame, Frames, damaged, guarded};
use crate::fault::Fault;
use crate::fit;
use crate::scan::Unknown;

/// Rows and bytes that a batch aims at.
const ROWS: usize = 65_536;
const BYTES: usize = 8 << 20;
/// Rows without bytes must not go on for ever. Of those with bytes, a compressed one stands for this many at most.
const FREE_ROWS: u64 = 1 << 20;
const ROWS_A_BYTE: u64 = 1 << 18;

/// Reads one file or stream.
#[derive(Debug)]
pub struct IpcDecoder<R> {
    frames: Frames<R>,
    file: SchemaRef,
    /// Columns of the file that are wanted, in its order, and those alone.
    taken: Vec<usize>,
    narrow: Schema,
    schema: SchemaRef,
    /// For each column of `schema` that of the columns taken.
    from: Vec<Option<usize>>,
    dictionaries: HashMap<i64, ArrayRef>,
    /// Rows that are not wanted.
    skip: u64,
    /// The record batch under way, what of it was handed out, and how much is handed out at once.
    batch: Option<RecordBatch>,
    at: usize,
    step: usize,
}

impl<R: Read + Seek> IpcDecoder<R> {
    /// The rows of `input` from `first` on, as columns of `declared`. A column that the file lacks is null where it may be.
    ///
    /// # Errors
    /// `Drift` for a type that does not fit without loss, a required column that is missing, and with [`Unknown::Report`] for
    /// columns beyond those wanted; else `Damaged` and `Io`.
    pub fn open(input: R, declared: &Schema, unknown: Unknown, first: u64) -> Result<Self, Fault> {
        let (file, frames) = Frames::open(input)?;
        let drift = fit::drift(&file, declared, unknown);
        if drift != Drift::default() {
            return Err(Fault::Drift(drift));
        }
        let fields: Vec<FieldRef> =
            declared.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
        // Of columns with one name the first counts.
        let wanted = |at: &usize| {
            let name = file.field(*at).name();
            declared.index_of(name).is_ok() && file.index_of(name).ok() == Some(*at)
        };
        let taken: Vec<_> = (0..file.fields().len()).filter(wanted).collect();
        let place = |name: &str| taken.iter().position(|at| file.field(*at).name() == name);
        let from = fields.iter().map(|field| place(field.name())).collect();
        let narrow = file.project(&taken).map_err(damaged)?;
        Ok(Self {
            frames,
            file: Arc::new(file),
            taken,
            narrow,
            schema: Arc::new(Schema::new(fields)),
            from,
            dictionaries: HashMap::new(),
            skip: first,
            batch: None,
            at: 0,
            step: ROWS,
        })
    }

    /// The next rows; `None` at the end of the file.
    ///
    /// # Errors
    /// `Damaged` where the file is, `Io`.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Fault> {
        loop {
            if let Some(batch) = self.batch.take() {
                let rows = batch.slice(self.at, self.step.min(batch.num_rows() - self.at));
                self.at += rows.num_rows();
                if self.at < batch.num_rows() {
                    self.batch = Some(batch);
                }
                return self.fitted(&rows).map(Some);
            }
            let Some(frame) = self.frames.next()? else { return Ok(None) };
            self.take(frame)?;
        }
    }

    /// Takes a message over: a dictionary, or the next record batch.
    fn take(&mut self, mut frame: Frame) -> Result<(), Fault> {
        let message = root_as_message(&frame.header).map_err(damaged)?;
        let version = message.version();
        match message.header_type() {
            MessageHeader::DictionaryBatch => {
                let id = dictionary(&frame.header)?.id();
                #[allow(deprecated, reason = "an id is what a dictionary is told by here")]
                let wanted = !self.narrow.fields_with_dict_id(id).is_empty();
                if !wanted {
                    return Ok(());
                }
                let body = body::read(&mut self.frames, &mut frame, values, std::iter::repeat(true))?;
                let batch = dictionary(&frame.header)?;
                guarded(|| read_dictionary(&body, batch, &self.narrow, &mut self.dictionaries, &version))
            }
            MessageHeader::RecordBatch => {
                let batch = header(&frame.header)?;
                let rows = u64::try_from(batch.length()).map_err(|_| damaged("a record batch of less than no rows"))?;
                if rows > frame.length.saturating_mul(ROWS_A_BYTE).saturating_add(FREE_ROWS) {
                    return Err(damaged("a record batch of more rows than its bytes can hold"));
                }
                if rows <= self.skip {
                    self.skip -= rows;
                    return Ok(());
                }
                let mut variadic = batch.variadicBufferCounts().into_iter().flatten().collect();
                let mut wanted = Vec::new();
                for (at, field) in self.file.fields().iter().enumerate() {
                    let count = body::buffers(field, &mut variadic, version)?;
                    wanted.push((self.taken.contains(&at), count));
                }
                let wanted = wanted.into_iter().flat_map(|(wanted, count)| std::iter::repeat_n(wanted, count));
                let body = body::read(&mut self.frames, &mut frame, header, wanted)?;
                let (batch, file) = (header(&frame.header)?, Arc::clone(&self.file));
                let read = || read_record_batch(&body, batch, file, &self.dictionaries, Some(&self.taken), &version);
                let batch = guarded(read)?;
                self.step = (BYTES / (body.len() / batch.num_rows().max(1)).max(1)).clamp(1024, ROWS);
                self.at = usize::try_from(std::mem::take(&mut self.skip)).unwrap_or(usize::MAX);
                self.batch = Some(batch);
                Ok(())
            }
            other => Err(damaged(format!("a message that is neither rows nor a dictionary: {other:?}"))),
        }
    }

    /// `rows` with the columns that are wanted.
    fn fitted(&self, rows: &RecordBatch) -> Result<RecordBatch, Fault> {
        let arrays = self.schema.fields().iter().zip(&self.from).map(|(field, from)| match from {
            Some(from) => guarded(|| Ok(fit::convert(rows.column(*from), field.data_type())))?.map_err(Fault::Damaged),
            None => Ok(new_null_array(field.data_type(), rows.num_rows())),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let fitted = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays.collect::<Result<_, _>>()?, &options);
        fitted.map_err(damaged)
    }
}

/// The columns of a file or stream, in the types of the contract.
///
/// # Errors
/// `Damaged` when it is neither, `Io`.
pub fn schema(input: impl Read + Seek) -> Result<Schema, Fault> {
    let (file, _) = Frames::open(input)?;
    Ok(Schema::new(file.fields().iter().map(|field| fit::canonical(field)).collect::<Vec<_>>()))
}

fn header(bytes: &[u8]) -> Result<Header<'_>, Fault> {
    let message = root_as_message(bytes).map_err(damaged)?;
    message.header_as_record_batch().ok_or_else(|| damaged("a record batch without a header"))
}

fn dictionary(bytes: &[u8]) -> Result<DictionaryBatch<'_>, Fault> {
    let message = root_as_message(bytes).map_err(damaged)?;
    message.header_as_dictionary_batch().ok_or_else(|| damaged("a dictionary without a header"))
}

fn values(bytes: &[u8]) -> Result<Header<'_>, Fault> {
    dictionary(bytes)?.data().ok_or_else(|| damaged("a dictionary without values"))
}
