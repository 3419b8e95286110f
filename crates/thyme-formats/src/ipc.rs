//! Arrow's own format: files, which end in a list of their record batches, and streams, which have none.
mod body;
mod decoder;
mod encoder;
mod frames;

pub use decoder::{IpcDecoder, schema};
pub use encoder::{IpcCompression, IpcEncoder};
