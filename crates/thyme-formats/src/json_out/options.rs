//! How JSON is to be written.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How JSON is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonWriteOptions {
    /// What becomes of a key whose value is NULL.
    pub nulls: Nulls,
    /// What becomes of NaN and the infinities.
    pub non_finite: NonFinite,
    /// How decimals are written.
    pub decimals: Numbers,
    /// How integers of 64 bits are written.
    pub int64: Numbers,
}

impl Default for JsonWriteOptions {
    fn default() -> Self {
        let (nulls, non_finite) = (Nulls::default(), NonFinite::default());
        Self { nulls, non_finite, decimals: Numbers::String, int64: Numbers::Number }
    }
}

/// What becomes of a key whose value is NULL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// It is written, with `null`.
    #[default]
    Write,
    /// It is left out, in nested structs as well. An element of a list is written all the same.
    Omit,
}

/// What becomes of NaN and the infinities, which JSON does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NonFinite {
    /// The row is refused.
    #[default]
    Reject,
    /// `null`: read back, it is not what it was.
    Null,
    /// `"NaN"`, `"Infinity"` and `"-Infinity"`.
    String,
}

/// How exact numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// As a number: what reads it as a double may lose digits beyond 2^53.
    Number,
    /// As a string: all digits stay.
    String,
}
