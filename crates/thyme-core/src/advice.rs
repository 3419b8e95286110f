//! What the operator of a pipeline should know.
use std::fmt;

/// Something that makes reading slow, or exact only under conditions: nothing that stands in its way, which would be an
/// [`Error`](crate::Error).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What was found, lower-case, without a closing dot: ``no index begins with `updated_at` ``….
    pub message: String,
    /// What to do about it, in the same form: a statement to run, a setting to change.
    pub remedy: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy)
    }
}
