//! Single values as text, as they stand in a JSON string or a CSV field.
//!
//! Each parser takes the whole text and returns the value, or the [`Fault`] that a bad record's reason ends with. They are
//! strict (no blanks around a value, no trailing text) and exact: nothing is rounded, except that timestamps and times drop the
//! digits below their unit.
pub mod base64;
pub mod boolean;
pub mod date;
pub mod decimal;
pub mod float;
pub mod integer;
pub mod interval;
pub(crate) mod swar;
pub mod time;
pub mod timestamp;
pub mod uuid;

/// Why a text is not a value of the wanted type, lower-case and without a closing dot: "the month is not 01 to 12".
pub type Fault = &'static str;
