//! What the encoders have in common.

/// A row that could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its place in the batch, from 0.
    pub row: usize,
    /// What is wrong, lower-case: "NaN has no json form (field `price`)".
    pub reason: String,
}
