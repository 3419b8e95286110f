//! Avro into columns and back: messages of a broker, with or without the frame of a schema registry, and object container files.
//!
//! Our own, not arrow-avro: there a bad message fails the batch it is in (docs/adr/0012).
//!
//! | Avro | column |
//! |---|---|
//! | boolean, int, long, float, double | as they are, or wider: an int into an int64, a float64 or a decimal; what a float cannot hold exactly is an error |
//! | string, enum | string; or, read as JSON's strings are, date, time, timestamp, interval, uuid, decimal, json |
//! | bytes, fixed | bytes; 16 of them a uuid |
//! | decimal | decimal, exactly: other scales are fine as long as no digit is lost; string |
//! | date, time-millis, time-micros | date, time |
//! | timestamp-millis, -micros, -nanos, local-timestamp-… | timestamp, timestamp_ns, timestamp_ntz |
//! | duration | interval |
//! | array, map, record | list, map, struct: members by name |
//! | union | the column's type, as far as its branches fit; `null` is null |
//! | anything | json |
//!
//! What Kafka Connect notes beside a type (`connect.name`) counts as a logical type does. Digits of a time finer than the column
//! holds are cut off.
mod decoder;
mod encoder;
pub mod file;
pub(crate) mod plan;
pub(crate) mod read;
pub(crate) mod reader;
pub(crate) mod resolve;
pub(crate) mod schema;
mod schema_of;
mod to_json;
pub(crate) mod types;
pub(crate) mod wire;

pub use decoder::AvroDecoder;
pub use encoder::AvroEncoder;
pub use schema_of::schema_of;
pub use types::columns;

use crate::TimestampUnit;
use crate::scan::Unknown;

/// How a message says by which schema it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A zero byte and the id of the schema in four, the highest first.
    #[default]
    Confluent,
    /// Not at all.
    Bare,
}

/// How Avro is read.
#[derive(Clone, Debug, Default)]
pub struct AvroOptions {
    /// What stands in front of a message.
    pub framing: Framing,
    /// What to do with fields that have no column. Those whose name begins with two underscores are never reported.
    pub unknown: Unknown,
    /// What an int or long without a logical type stands for where a timestamp is wanted.
    pub timestamp_unit: TimestampUnit,
}

/// The id of the schema that a framed message was written by.
#[must_use]
pub fn schema_id(message: &[u8]) -> Option<u32> {
    match message {
        [0, a, b, c, d, ..] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}
