//! Debezium's envelopes into changes: rows, what happened to them, what they were before.
//!
//! Three shapes are told apart by what is there: wrapped with their schema, bare, and flattened by the unwrapping transform
//! (with or without a schema); the same in Avro. With a schema, every type goes by its name in the schema, never by how large a
//! number is. Without one the dataset's columns decide, and where that is not enough the [`Options`]; a value that could be two
//! things is an error which says what to set.
//!
//! | record | becomes |
//! |---|---|
//! | `op` `c`, `r` | an insert |
//! | `u` | an update, with the row before if it is wanted and was sent |
//! | `d` | a delete: the row before, or the key alone |
//! | `t` | a truncation |
//! | a tombstone right after the delete of its key | nothing; any other a delete of its key |
//! | a changed key | a delete of the old and an insert of the new one, as Debezium sends it |
//! | flattened, without `__op` and `__deleted` | an update: the latest state |
//! | `op` `m`, heartbeats, transactions, schema changes | nothing: only the position moves |
//! | any other `op` | an error |
//!
//! The placeholder of a value that the database did not send (an unchanged TOAST value) leaves its cell *unset*, in whatever
//! form it comes: text, bytes, array, map.
mod avro;
mod bare;
mod cache;
mod connect;
mod decoder;
mod discover;
mod encoder;
mod envelope;
mod how;
mod json;
mod members;
mod op_column;
mod options;
mod peek;
mod rows;
mod unavailable;
mod wire;
mod wrap;

pub use decoder::Decoder;
pub use discover::{discover_avro, discover_json};
pub use encoder::{EncodeOptions, Encoder};
pub use op_column::with_op;
pub use options::{DecimalText, Message, OP_HEADER, Options};
pub use rows::Changes;
