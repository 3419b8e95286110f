//! A record that could not be decoded or written.
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A record that could not be decoded or written: what a dead letter is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reject {
    /// Its row in the batch, when a sink refuses a row. A source leaves it empty.
    pub row: Option<usize>,
    /// The original bytes. `None`: there is no record to show, a whole file is damaged (`place` says which and where).
    /// A sink leaves it empty; the engine writes the row as JSON.
    pub payload: Option<Bytes>,
    /// What is wrong, lower-case.
    pub reason: String,
    /// Where it was found.
    pub place: Place,
    /// What the source needs beside its configuration to decode the payload again (CSV: the header).
    pub hint: Option<serde_json::Value>,
}

/// Where a record was found; a connector sets what it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file, object or topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which version of it: an inode with its times, an etag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Bytes from the start, or the offset in a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Bytes from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path.as_deref().unwrap_or("-"))?;
        match (self.line, self.column, self.offset) {
            (Some(line), Some(column), _) => write!(f, ":{line}:{column}"),
            (Some(line), None, _) => write!(f, ":{line}"),
            (None, _, Some(offset)) => write!(f, " at {offset}"),
            _ => Ok(()),
        }
    }
}
