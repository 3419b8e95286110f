//! Batches as JSON: lines for a file, single messages for a broker.
//!
//! Keys are written in the order of the schema. Timestamps always have six digits (`timestamp_ns` nine) and a `Z`, a
//! `timestamp_ntz` has none; dates, times, intervals, UUIDs and bytes (base64) are strings; a `json` column goes out as it is, once
//! it is known to be JSON and its line ends between tokens are blanks; a map is an object.
mod buffer;
mod cells;
mod encoder;
mod moment;
mod number;
mod options;
mod string;
mod view;

pub(crate) use buffer::{Buf, Stop};
pub(crate) use cells::Cells;
pub use encoder::JsonEncoder;
pub use options::{JsonWriteOptions, NonFinite, Nulls, Numbers};
pub(crate) use view::Values;
