//! Batches into files.
use std::hash::{BuildHasher, RandomState};
use std::io::Write;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Error, Kind, Result};

use super::MAGIC;
use super::codec::AvroCodec;
use crate::avro::reader::long;
use crate::avro::{AvroEncoder, schema_of};
use crate::encode::BadRow;

/// A block holds about as many bytes before it is compressed.
const BLOCK: usize = 256 << 10;

/// Writes one file.
#[derive(Debug)]
pub struct AvroFileEncoder<W> {
    out: W,
    encoder: AvroEncoder,
    codec: AvroCodec,
    sync: [u8; 16],
    block: Vec<u8>,
    rows: i64,
}

impl<W: Write> AvroFileEncoder<W> {
    /// A file of records of these columns, called `name`; its header is written.
    ///
    /// # Errors
    /// As [`schema_of`]; `Unavailable` when `out` cannot be written to.
    pub fn new(mut out: W, name: &str, schema: &SchemaRef, codec: AvroCodec) -> Result<Self> {
        let encoder = AvroEncoder::new(schema, None)?;
        let text = schema_of(name, schema)?;
        let mut header = MAGIC.to_vec();
        long(2, &mut header);
        for (key, value) in [("avro.schema", text.as_str()), ("avro.codec", codec.name())] {
            for part in [key, value] {
                long(part.len() as i64, &mut header);
                header.extend_from_slice(part.as_bytes());
            }
        }
        long(0, &mut header);
        // Any mark will do that blocks are not likely to hold.
        let half = || RandomState::new().hash_one(&text).to_le_bytes();
        let mut sync = [0; 16];
        sync.iter_mut().zip(half().into_iter().chain(half())).for_each(|(to, from)| *to = from);
        header.extend_from_slice(&sync);
        out.write_all(&header).map_err(unwritten)?;
        Ok(Self { out, encoder, codec, sync, block: Vec::new(), rows: 0 })
    }

    /// Writes the rows of `batch`. Those that could not be written are returned, in order.
    ///
    /// # Errors
    /// `Unexpected` when the columns of the batch are not those of the file, `Unavailable` when it cannot be written to.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<Vec<BadRow>> {
        let mut bad = Vec::new();
        let step = 1024;
        for start in (0..batch.num_rows()).step_by(step) {
            let rows = batch.slice(start, step.min(batch.num_rows() - start));
            let mut ends = Vec::new();
            let refused = self.encoder.encode(&rows, &mut self.block, &mut ends)?;
            self.rows += (rows.num_rows() - refused.len()) as i64;
            bad.extend(refused.into_iter().map(|refused| BadRow { row: start + refused.row, ..refused }));
            if self.block.len() >= BLOCK {
                self.flush()?;
            }
        }
        Ok(bad)
    }

    /// Writes the block that is begun, however small it is.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written to.
    pub fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let packed = self.codec.pack(&self.block).map_err(unwritten)?;
        let mut head = Vec::new();
        long(self.rows, &mut head);
        long(packed.len() as i64, &mut head);
        for part in [&head[..], &packed, &self.sync] {
            self.out.write_all(part).map_err(unwritten)?;
        }
        self.block.clear();
        self.rows = 0;
        Ok(())
    }

    /// Where it is written to.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// Bytes that are not written yet.
    pub fn buffered(&self) -> usize {
        self.block.len()
    }

    /// Writes what is left; the file is whole then.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written to.
    pub fn finish(mut self) -> Result<W> {
        self.flush()?;
        self.out.flush().map_err(unwritten)?;
        Ok(self.out)
    }
}

fn unwritten(error: std::io::Error) -> Error {
    Error::new(Kind::Unavailable, "the avro file cannot be written to").source(error)
}
