//! Arrow to Parquet, a row group at a time, so that several threads can each encode one of their own.
mod interval;

use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Error, Kind, Result};

/// Past this many bytes a column's dictionary is given up. With the library's 1 MiB every row group of unique text builds one
/// for nothing: 1.25-1.6 times the time, and files 12 % larger.
const DICTIONARY_BYTES: usize = 64 << 10;

/// How the pages of a file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParquetCompression {
    /// Not at all.
    None,
    /// Fast, and read by everything.
    #[default]
    Snappy,
    /// Smaller, slower.
    Gzip,
    /// Smaller than snappy at nearly its speed (level 1).
    Zstd,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParquetWriteOptions {
    /// Of the pages; snappy unless said otherwise.
    pub compression: ParquetCompression,
}

/// One Parquet file in the making: row groups are encoded by [`GroupEncoder`]s, anywhere and in parallel, and appended here in
/// the order the file shall have. What is ready to be written is taken out as it comes; nothing is written twice.
pub struct ParquetEncoder {
    writer: SerializedFileWriter<Vec<u8>>,
    groups: GroupEncoder,
}

impl std::fmt::Debug for ParquetEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetEncoder").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl ParquetEncoder {
    /// A file with the columns of `schema`, which is kept in it as Arrow has it. Intervals are stored as ISO 8601 text.
    ///
    /// # Errors
    /// `Unsupported` for a type that Parquet has no word for.
    pub fn new(schema: &SchemaRef, options: &ParquetWriteOptions) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(codec(options.compression))
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_created_by(concat!("thyme-connectors ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties);
        let stored = interval::stored(schema);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), stored.as_ref().unwrap_or(schema).clone(), options);
        let (writer, factory) = writer.and_then(ArrowWriter::into_serialized_writer).map_err(refused)?;
        Ok(Self { writer, groups: GroupEncoder { schema: Arc::clone(schema), stored, factory: Arc::new(factory) } })
    }

    /// What encodes row groups for this file; cheap to clone and to send to another thread.
    #[must_use]
    pub fn groups(&self) -> GroupEncoder {
        self.groups.clone()
    }

    /// Puts `group` behind those that are there.
    ///
    /// # Errors
    /// `Unexpected` when the group was encoded for another schema.
    pub fn append(&mut self, group: EncodedGroup) -> Result<()> {
        let bytes: u64 = group.chunks.iter().map(|chunk| chunk.close().bytes_written).sum();
        self.writer.inner_mut().reserve(usize::try_from(bytes).unwrap_or(0));
        let append = || {
            let mut writer = self.writer.next_row_group()?;
            for chunk in group.chunks {
                chunk.append_to_row_group(&mut writer)?;
            }
            writer.close()?;
            self.writer.flush().map_err(ParquetError::from)
        };
        append().map_err(failed)
    }

    /// The bytes that are ready to be written behind those taken before.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.inner_mut())
    }

    /// Bytes of the file so far, those taken included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// The last bytes of the file: what was not taken, and the footer.
    ///
    /// # Errors
    /// `Unexpected` when the footer can't be made.
    pub fn finish(self) -> Result<Vec<u8>> {
        self.writer.into_inner().map_err(failed)
    }
}

/// Encodes row groups of one file.
#[derive(Clone)]
pub struct GroupEncoder {
    schema: SchemaRef,
    /// The columns as they are in the file, where they differ.
    stored: Option<SchemaRef>,
    factory: Arc<ArrowRowGroupWriterFactory>,
}

impl std::fmt::Debug for GroupEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupEncoder").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl GroupEncoder {
    /// `batches` as one row group. Takes as long as it takes: not for a thread that drives a runtime.
    ///
    /// # Errors
    /// `Schema` when a batch has other columns than the file.
    pub fn encode(&self, batches: &[RecordBatch]) -> Result<EncodedGroup> {
        for batch in batches {
            let (want, have) = (self.schema.fields(), batch.schema_ref().fields());
            if want.len() != have.len() || want.iter().zip(have).any(|(w, h)| w.data_type() != h.data_type()) {
                return Err(Error::new(Kind::Schema, "the rows have other columns than the Parquet file"));
            }
        }
        let encode = || {
            // The index counts for encryption alone.
            let mut writers = self.factory.create_column_writers(0)?;
            for batch in batches {
                let turned = self.stored.as_ref().map(|stored| interval::store(batch, stored)).transpose()?;
                let schema = self.stored.as_ref().unwrap_or(&self.schema);
                let mut leaves = writers.iter_mut();
                for (field, column) in schema.fields().iter().zip(turned.as_ref().unwrap_or(batch).columns()) {
                    for leaf in compute_leaves(field, column)? {
                        if let Some(writer) = leaves.next() {
                            writer.write(&leaf)?;
                        }
                    }
                }
            }
            writers.into_iter().map(|writer| writer.close()).collect::<Result<Vec<_>, ParquetError>>()
        };
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(EncodedGroup { chunks: encode().map_err(failed)?, rows })
    }
}

/// A row group, encoded and compressed, not yet part of a file.
pub struct EncodedGroup {
    chunks: Vec<ArrowColumnChunk>,
    rows: usize,
}

impl EncodedGroup {
    /// Rows in it.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl std::fmt::Debug for EncodedGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncodedGroup").field("rows", &self.rows).finish_non_exhaustive()
    }
}

fn codec(compression: ParquetCompression) -> Compression {
    match compression {
        ParquetCompression::None => Compression::UNCOMPRESSED,
        ParquetCompression::Snappy => Compression::SNAPPY,
        ParquetCompression::Gzip => Compression::GZIP(GzipLevel::default()),
        ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
    }
}

fn refused(error: ParquetError) -> Error {
    match error {
        ParquetError::NYI(_) | ParquetError::ArrowError(_) => {
            Error::new(Kind::Unsupported, "Parquet can't hold these columns").source(error)
        }
        other => failed(other),
    }
}

fn failed(error: ParquetError) -> Error {
    Error::new(Kind::Unexpected, "the rows could not be encoded as Parquet").source(error)
}
