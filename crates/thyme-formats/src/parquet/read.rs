//! Parquet into batches of a dataset: columns by name, types exact or widened, nothing guessed.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;
use thyme_core::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use thyme_core::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use thyme_core::drift::Drift;

use crate::fault::Fault;
use crate::fit;
use crate::scan::Unknown;

/// Rows and bytes that a batch aims at: what stays in the caches until it is encoded again, and is as fast as a larger one.
const ROWS: usize = 16_384;
const BYTES: u64 = 2 << 20;

/// Reads one file.
pub struct ParquetDecoder {
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    /// For each column of `schema` that of the file's batches.
    from: Vec<Option<usize>>,
}

impl ParquetDecoder {
    /// The rows of `bytes` from `first` on, as columns of `declared`. A column that the file lacks is null where it may be.
    ///
    /// # Errors
    /// `Drift` for a type that does not fit without loss, a required column that is missing, and with [`Unknown::Report`] for
    /// columns beyond those wanted; else `Damaged`.
    pub fn open<R: ChunkReader + 'static>(bytes: R, declared: &Schema, unknown: Unknown, first: u64) -> Result<Self, Fault> {
        let metadata = load(&bytes)?;
        let file = metadata.schema();
        let drift = fit::drift(file, declared, unknown);
        if drift != Drift::default() {
            return Err(Fault::Drift(drift));
        }
        let fields: Vec<_> =
            declared.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect::<Vec<FieldRef>>();
        let roots: Vec<_> = (0..file.fields().len()).filter(|i| declared.index_of(file.field(*i).name()).is_ok()).collect();
        let place = |name: &str| roots.iter().position(|root| file.field(*root).name() == name);
        let from = fields.iter().map(|field| place(field.name())).collect();
        let groups = metadata.metadata().row_groups();
        let (mut skip, mut rest, mut size, mut rows) = (usize::try_from(first).unwrap_or(usize::MAX), Vec::new(), 0_u64, 0_u64);
        for (number, group) in groups.iter().enumerate() {
            let count = usize::try_from(group.num_rows()).unwrap_or(0);
            size += u64::try_from(group.total_byte_size()).unwrap_or(0);
            rows += count as u64;
            if rest.is_empty() && skip >= count {
                skip -= count;
            } else {
                rest.push(number);
            }
        }
        let batch = usize::try_from(BYTES / (size / rows.max(1)).max(1)).unwrap_or(ROWS).clamp(1024, ROWS);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata.clone())
            .with_projection(mask)
            .with_row_groups(rest)
            .with_offset(skip)
            .with_batch_size(batch);
        let reader = guarded(|| builder.build().map_err(|e| e.to_string()))?;
        Ok(Self { reader, schema: Arc::new(Schema::new(fields)), from })
    }

    /// The next rows; `None` at the end of the file.
    ///
    /// # Errors
    /// `Damaged` where the file is.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let Some(read) = guarded(|| self.reader.next().transpose().map_err(|e| e.to_string()))? else { return Ok(None) };
        let count = read.num_rows();
        let arrays = self.schema.fields().iter().zip(&self.from).map(|(field, from)| -> Result<ArrayRef, Fault> {
            match from {
                Some(from) => fit::convert(read.column(*from), field.data_type()).map_err(Fault::Damaged),
                None => Ok(new_null_array(field.data_type(), count)),
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays.collect::<Result<_, _>>()?, &options);
        rows.map(Some).map_err(|e| Fault::Damaged(e.to_string()))
    }
}

/// The columns of a file, in the types of the contract.
///
/// # Errors
/// `Damaged` when it is no Parquet file.
pub fn schema<R: ChunkReader>(bytes: &R) -> Result<Schema, Fault> {
    let fields = load(bytes)?.schema().fields().iter().map(|field| fit::canonical(field)).collect::<Vec<Field>>();
    Ok(Schema::new(fields))
}

fn load<R: ChunkReader>(bytes: &R) -> Result<ArrowReaderMetadata, Fault> {
    guarded(|| ArrowReaderMetadata::load(bytes, ArrowReaderOptions::new()).map_err(|e| e.to_string()))
}

/// A damaged file must not take the process with it, wherever the library trusts it.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(Fault::Damaged),
        Err(_) => Err(Fault::Damaged("the file breaks its reader".into())),
    }
}
