//! Batches into files.
use std::sync::Arc;

use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::{ArrowError, SchemaRef};
use thyme_core::arrow::select::concat::concat_batches;
use thyme_core::{Error, Kind, Result};

/// How the buffers of a file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpcCompression {
    /// Not at all: a reader can map the file into its memory.
    #[default]
    None,
    /// Fast; the frame format.
    Lz4,
    /// Smaller.
    Zstd,
}

/// Writes one file. What is ready to be written is taken out as it comes.
pub struct IpcEncoder {
    writer: FileWriter<Vec<u8>>,
    schema: SchemaRef,
}

impl std::fmt::Debug for IpcEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IpcEncoder").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl IpcEncoder {
    /// A file with the columns of `schema`.
    ///
    /// # Errors
    /// `Unexpected` when its header can't be made.
    pub fn new(schema: &SchemaRef, compression: IpcCompression) -> Result<Self> {
        let codec = match compression {
            IpcCompression::None => None,
            IpcCompression::Lz4 => Some(CompressionType::LZ4_FRAME),
            IpcCompression::Zstd => Some(CompressionType::ZSTD),
        };
        let options = IpcWriteOptions::default().try_with_compression(codec).map_err(failed)?;
        let writer = FileWriter::try_new_with_options(Vec::new(), schema, options).map_err(failed)?;
        Ok(Self { writer, schema: Arc::clone(schema) })
    }

    /// Puts `batches`, as one record batch, behind those that are there. Takes as long as it takes: not for a thread that
    /// drives a runtime.
    ///
    /// # Errors
    /// `Schema` when a batch has other columns than the file.
    pub fn write(&mut self, batches: &[RecordBatch]) -> Result<()> {
        for batch in batches {
            let (want, have) = (self.schema.fields(), batch.schema_ref().fields());
            if want.len() != have.len() || want.iter().zip(have).any(|(w, h)| w.data_type() != h.data_type()) {
                return Err(Error::new(Kind::Schema, "the rows have other columns than the Arrow file"));
            }
        }
        let rows = concat_batches(&self.schema, batches);
        rows.and_then(|rows| self.writer.write(&rows)).map_err(failed)
    }

    /// The bytes that are ready to be written behind those taken before.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }

    /// The last bytes of the file: what was not taken, and the footer.
    ///
    /// # Errors
    /// `Unexpected` when the footer can't be made.
    pub fn finish(self) -> Result<Vec<u8>> {
        self.writer.into_inner().map_err(failed)
    }
}

fn failed(error: ArrowError) -> Error {
    Error::new(Kind::Unexpected, "the rows could not be encoded as Arrow").source(error)
}
