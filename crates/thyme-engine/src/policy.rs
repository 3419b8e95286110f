//! What the user decides about a pipeline, in the words of the pipeline file.
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to an event older than `max_lateness` allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// It is counted and dropped.
    #[default]
    Discard,
    /// It becomes a dead letter.
    DeadLetter,
}

/// What happens to a record that can't be decoded or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The pipeline ends.
    #[default]
    Fail,
    /// It is counted, logged and left out.
    Skip,
    /// It becomes a dead letter.
    DeadLetter,
}

/// What happens when the source has columns that the dataset does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDrift {
    /// Added nullable columns widen the dataset and the target.
    #[default]
    Evolve,
    /// The pipeline ends and names them.
    Freeze,
    /// They are left out.
    Discard,
}

/// What happens when the position to go on from no longer exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCursorLost {
    /// The pipeline ends.
    #[default]
    Fail,
    /// It goes on with the oldest that is still there.
    Earliest,
    /// It goes on with what comes from now on.
    Latest,
}

/// What `from_timestamp` says about where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromTimestamp {
    /// Nothing older than this instant is read.
    At(jiff::Timestamp),
    /// Only rows whose value in this column is newer than the newest of the polls that finished.
    Column(String),
}

impl From<jiff::Timestamp> for FromTimestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self::At(at)
    }
}

/// An RFC 3339 instant or date, a column, or a column as `toDateTime(column)`.
impl From<&str> for FromTimestamp {
    fn from(text: &str) -> Self {
        let text = text.trim();
        if let Ok(at) = text.parse() {
            return Self::At(at);
        }
        if let Some(at) = text.parse::<jiff::civil::Date>().ok().and_then(|d| d.to_zoned(jiff::tz::TimeZone::UTC).ok()) {
            return Self::At(at.timestamp());
        }
        let inner = text.strip_prefix("toDateTime(").and_then(|rest| rest.strip_suffix(')'));
        Self::Column(inner.unwrap_or(text).trim().to_owned())
    }
}

/// When staged rows are committed. What is not said here is the sink's to wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitPolicy {
    /// This long after the first staged row.
    pub every: Option<Duration>,
    /// As soon as this many rows are staged.
    pub rows: Option<u64>,
    /// As soon as this many bytes are staged, as they are in memory.
    pub bytes: Option<u64>,
}

impl CommitPolicy {
    pub(crate) fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

/// How a pipeline is tried again after an error that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often in a row; a commit starts the count anew. 0: never.
    pub attempts: usize,
    /// The first pause, doubled each time, with jitter.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 10, first: Duration::from_millis(500), longest: Duration::from_secs(60) }
    }
}
