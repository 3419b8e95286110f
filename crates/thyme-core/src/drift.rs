//! The columns of a source changed.
use std::fmt;

use arrow_schema::{FieldRef, Schema};

use crate::{Dataset, field_type};

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

impl Drift {
    /// What a source that now has the columns `found` reports to somebody who asked for `asked`. `None`: all is as asked.
    /// Columns that `asked` does not have only count when `report_added` (see [`Job::report_drift`](crate::Job::report_drift)).
    #[must_use]
    pub fn between(asked: &Dataset, found: &Schema, report_added: bool) -> Option<Self> {
        let mut drift = Self::default();
        for field in asked.schema().fields() {
            match found.fields().find(field.name()) {
                None => drift.removed.push(field.name().clone()),
                Some((_, now)) if now.data_type() == field.data_type() => {}
                Some((_, now)) => {
                    let name = |field: &FieldRef| field_type::name(&field.as_ref().clone().with_nullable(true));
                    drift.changed.push((field.name().clone(), name(field), name(now)));
                }
            }
        }
        if report_added {
            let new = found.fields().iter().filter(|field| asked.field(field.name()).is_none());
            drift.added.extend(new.map(|field| std::sync::Arc::new(field.as_ref().clone().with_nullable(true))));
        }
        (drift != Self::default()).then_some(drift)
    }
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
