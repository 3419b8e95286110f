//! What a decoder is given.
use thyme_core::arrow::datatypes::TimeUnit;

use super::unavailable;
use crate::scan::Unknown;

/// The header of a record that the unwrapping transform may put the operation in.
pub const OP_HEADER: &str = "__op";

/// A record of a topic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// Its key; a table without a primary key has none.
    pub key: Option<&'a [u8]>,
    /// Its value; a tombstone has none.
    pub value: Option<&'a [u8]>,
    /// The value of the header [`OP_HEADER`], if there is one.
    pub op: Option<&'a [u8]>,
}

/// How decimals are written where no schema says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalText {
    /// Base64 of the unscaled number's bytes, of as many decimal places as the column has: `decimal.handling.mode=precise`.
    Base64,
    /// Digits: `decimal.handling.mode=string`.
    Digits,
}

/// How envelopes are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to do with columns that the dataset does not have. Those whose name begins with two underscores are never reported.
    pub unknown: Unknown,
    /// Whether the rows before the changes are wanted.
    pub before: bool,
    /// What stands for a value that the database did not send (`unavailable.value.placeholder`).
    pub unavailable: Vec<u8>,
    /// What a string stands for where a decimal is wanted and no schema says.
    pub decimals: Option<DecimalText>,
    /// What a number counts where a time of day is wanted and no schema says.
    pub times: Option<TimeUnit>,
    /// What a number counts where a timestamp is wanted and no schema says. Left out, it is the dataset's
    /// [`timestamp_unit`](thyme_core::Dataset::timestamp_unit), unless that is seconds, which Debezium never writes.
    pub timestamps: Option<TimeUnit>,
    /// What a number counts where an interval is wanted and no schema says.
    pub intervals: Option<TimeUnit>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            unknown: Unknown::default(),
            before: false,
            unavailable: unavailable::DEFAULT.to_vec(),
            decimals: None,
            times: None,
            timestamps: None,
            intervals: None,
        }
    }
}
