//! Parquet: columns by name and type, row groups encoded in parallel.
mod read;
mod write;

pub use read::{ParquetDecoder, schema};
pub use write::{EncodedGroup, GroupEncoder, ParquetCompression, ParquetEncoder, ParquetWriteOptions};
