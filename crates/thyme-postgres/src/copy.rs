//! `COPY … (FORMAT binary)`: the server's bytes as Arrow columns, and back.
//!
//! A stream is a header, tuples and a trailer. A tuple is the number of its fields, and for each field its length (−1 for NULL)
//! and its bytes in network order.
mod decode;
mod encode;

pub use decode::{Decoded, Decoder};
pub use encode::{Encoder, Refused};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Microseconds from 1970, where Arrow counts from, to 2000, where the server does.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Days from 1970 to 2000.
const EPOCH_DAYS: i32 = 10_957;

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;
