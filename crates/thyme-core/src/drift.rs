//! The columns of a source changed.
use std::fmt;

use arrow_schema::FieldRef;

/// How the source's columns differ from the dataset's. A reader that meets it returns [`Error::drift`](crate::Error::drift)
/// after the last batch that still fits; the engine commits what is staged, applies `on_drift` and opens anew.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    /// Columns the dataset does not have; nullable.
    pub added: Vec<FieldRef>,
    /// Columns of the dataset that the source no longer has.
    pub removed: Vec<String>,
    /// Columns whose type no longer fits: name, the dataset's type, the source's type.
    pub changed: Vec<(String, String, String)>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the columns of the source changed:")?;
        let mut sep = " ";
        for field in &self.added {
            write!(f, "{sep}`{}` is new", field.name())?;
            sep = ", ";
        }
        for name in &self.removed {
            write!(f, "{sep}`{name}` is gone")?;
            sep = ", ";
        }
        for (name, was, is) in &self.changed {
            write!(f, "{sep}`{name}` was {was} and is {is}")?;
            sep = ", ";
        }
        Ok(())
    }
}
