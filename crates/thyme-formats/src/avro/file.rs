//! Object container files: a schema, then blocks of records, each compressed by itself.
mod codec;
mod read;
mod write;

pub use codec::AvroCodec;
pub use read::{AvroFileDecoder, schema};
pub use write::AvroFileEncoder;

/// What a file begins with.
const MAGIC: &[u8; 4] = b"Obj\x01";
