//! JSON into columns in one pass: no tree in between, each value goes where it stays.
//!
//! Strict: what serde_json refuses is refused, and where both accept they agree. Of a key that an object has twice the last
//! counts, at every level; each of its values must fit the type. A missing key is null. Integers and decimals never go through
//! a float; `1.0` and `1e2` are whole numbers.
//!
//! | field | reads |
//! |---|---|
//! | bool, string | `true`, `false`; strings, never numbers |
//! | integers | numbers without a fraction that fit |
//! | float32, float64 | numbers; `1e400` is an error |
//! | decimal | a number, or one in quotes; more digits than there is room for is an error |
//! | bytes | padded base64 |
//! | date, time, interval | `"2024-05-06"`; `"07:08:09.5"`; `"P1DT2H"` (ISO 8601) |
//! | timestamp, timestamp_ns | RFC 3339; a space for `T`, no offset (UTC) and a date alone are fine too; a number counts [`TimestampUnit`] |
//! | timestamp_ntz | the same without an offset |
//! | uuid | with hyphens or without |
//! | json | any value, kept as text without white space between tokens; `null` is null |
//! | list, struct, map | arrays; objects; objects |
//!
//! Digits of a time finer than the column holds are cut off.
mod array;
pub(crate) mod build;
pub(crate) mod column;
pub(crate) mod decimal;
mod float;
mod infer;
pub(crate) mod input;
pub(crate) mod instant;
pub(crate) mod keys;
pub(crate) mod nested;
mod nulls;
pub(crate) mod number;
pub(crate) mod object;
mod scalar;
mod scanner;
mod shape;
pub(crate) mod skip;
pub(crate) mod string;
mod texts;
pub(crate) mod varying;

pub use array::{ArraySplitter, Broken, Split};
pub(crate) use infer::added;
pub use infer::infer;
pub use scanner::JsonScanner;
pub(crate) use skip::is_value;

use crate::TimestampUnit;
use crate::scan::Unknown;

/// How JSON is read.
#[derive(Clone, Debug)]
pub struct JsonOptions {
    /// What to do with keys that have no column. Only keys of the record itself are looked at, not those inside a struct, and
    /// only if the value is not null.
    pub unknown: Unknown,
    /// What a number stands for where a timestamp is wanted.
    pub timestamp_unit: TimestampUnit,
    /// A batch has no more rows than this.
    pub rows_at_most: usize,
    /// A longer record, in bytes, is a bad one.
    pub record_bytes_at_most: usize,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            unknown: Unknown::default(),
            timestamp_unit: TimestampUnit::default(),
            rows_at_most: 64 << 10,
            record_bytes_at_most: 16 << 20,
        }
    }
}
