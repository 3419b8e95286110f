//! Bytes to Arrow and back: JSON and CSV by one-pass column scanners and encoders of our own, Avro and
//! Debezium's envelopes likewise, Parquet by the `parquet` crate, Arrow's own format by `arrow-ipc`.
//!
//! A scanner turns a *block* of bytes into one [`RecordBatch`](thyme_core::arrow::array::RecordBatch) of exactly the schema it
//! was made for, and says of each bad record where it stands and why, while its neighbours go on.
pub mod avro;
pub mod bom;
pub mod compression;
pub mod csv;
pub mod debezium;
pub mod encode;
pub mod fault;
mod fit;
pub mod ipc;
pub mod json;
pub mod json_out;
mod logical;
pub mod parquet;
mod raw;
pub mod scan;
pub mod text;
mod time_unit;

pub use time_unit::TimestampUnit;
