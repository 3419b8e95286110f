//! Change modes: what the rows of a source mean.
use serde::{Deserialize, Serialize};

/// What the rows of a source mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cdc {
    /// Every row is an event.
    #[default]
    Append,
    /// A row is the latest state of its key; the dataset needs key fields. Rows that a source knows as new come to the sink as
    /// updates; deletes stay what they are.
    Upsert,
    /// Rows are Debezium envelopes.
    Debezium,
}

impl Cdc {
    /// The word of the pipeline file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Upsert => "upsert",
            Self::Debezium => "debezium",
        }
    }
}
