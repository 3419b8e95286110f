//! A file's bytes as the parquet crate wants them.
use std::io::BufReader;

use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use thyme_core::bytes::Bytes;

use super::bytes::RawReader;

/// What is read at once where a page's header begins; the page itself is read by its length.
const HEADER: usize = 8 * 1024;

impl Length for RawReader {
    fn len(&self) -> u64 {
        self.size()
    }
}

impl ChunkReader for RawReader {
    type T = BufReader<Self>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::with_capacity(HEADER, self.from(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        if start.saturating_add(length as u64) > self.size() {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on are beyond the end of the file")));
        }
        let bytes = self.bytes_at(start, length)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("the file ends within the {length} bytes from {start} on")));
        }
        Ok(bytes)
    }
}
