//! What a bare number means where a timestamp is wanted.
use serde::{Deserialize, Serialize};

/// The unit of a timestamp that is written as a number since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampUnit {
    /// Seconds, with or without a fraction.
    #[default]
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
}

impl TimestampUnit {
    /// The power of ten between this unit and a second: 0, 3 or 6.
    #[must_use]
    pub fn exponent(self) -> u32 {
        match self {
            Self::Seconds => 0,
            Self::Milliseconds => 3,
            Self::Microseconds => 6,
        }
    }
}
