//! The keys of a pipeline: this list is whole.
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value};
use thyme_core::arrow::datatypes::TimeUnit;
use thyme_core::{Cdc, Size};

use crate::{Late, OnCursorLost, OnDrift, OnError};

/// A pipeline: one source, one sink, and the way between them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PipelineKeys {
    /// The pipeline's name, unique: letters, digits, `_` and `-`. Its state is kept under it.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// The cursor column of a polling table: rows are read in its order, and a run goes on after its last value. Streams and
    /// files carry their own progress.
    #[schemars(extend("x-aliases" = ["change_tracking_column"]))]
    pub(super) cursor: Option<String>,
    /// How often a polling source is polled: an integer and `ms`, `s`, `m`, `h` or `d`.
    pub(super) every: Option<String>,
    /// When a polling source is polled: `@auto` (as soon as there is something new), `@once`, or a five-field cron expression.
    pub(super) schedule: Option<String>,
    /// The time zone of a cron expression, an IANA name; UTC without it.
    pub(super) timezone: Option<String>,
    /// How much older than the watermark an event may be before it is late: an integer and a unit.
    #[schemars(extend("x-aliases" = ["maxLateness"]))]
    pub(super) max_lateness: Option<String>,
    /// What happens to a late event.
    pub(super) late: Option<Late>,
    /// What the rows mean: `append`: each is an event; `upsert`: each is the latest state of its key (`dataset.key`), and comes
    /// to the sink as an update, which the sink must be able to write; `debezium`: each is an envelope.
    pub(super) cdc: Option<Cdc>,
    /// What happens to a record that can't be decoded or written.
    pub(super) on_error: Option<OnError>,
    /// What happens when the source has columns that the dataset does not have.
    pub(super) on_drift: Option<OnDrift>,
    /// What happens when the position to go on from no longer exists.
    pub(super) on_cursor_lost: Option<OnCursorLost>,
    /// Where to begin: an instant, before which nothing is read, or a column, as `toDateTime(column)` too: only rows newer than
    /// the newest of the finished polls.
    #[schemars(extend("x-aliases" = ["fromTimestamp"]))]
    pub(super) from_timestamp: Option<String>,
    /// When staged rows are committed; what is not given is the sink's to wish.
    pub(super) commit: Option<CommitKeys>,
    /// Whether `thyme run` runs it; true without it.
    pub(super) enabled: Option<bool>,
    /// How it is tried again after an error that may pass.
    #[schemars(extend("x-aliases" = ["retry_policy"]))]
    pub(super) retry: Option<RetryKeys>,
    /// The columns, key and event time; discovered from the source where they are not given.
    pub(super) dataset: Option<DatasetKeys>,
    /// What is read: `type`, or `connection`, and the fields of that connector.
    #[schemars(required, with = "Option<Map<String, Value>>")]
    pub(super) source: Option<Map<String, Value>>,
    /// What is written: `type`, or `connection`, and the fields of that connector.
    #[schemars(required, with = "Option<Map<String, Value>>")]
    pub(super) sink: Option<Map<String, Value>>,
}

/// When staged rows are committed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitKeys {
    /// This long after the first staged row.
    #[schemars(extend("format" = "duration"))]
    pub(super) every: Option<String>,
    /// As soon as this many rows are staged.
    #[schemars(range(min = 1))]
    pub(super) rows: Option<u64>,
    /// As soon as this many bytes are staged, as they are in memory: `"64MiB"`.
    pub(super) bytes: Option<Size>,
}

/// How a pipeline is tried again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryKeys {
    /// How often in a row; a commit starts the count anew. 0: never.
    pub(super) max_attempts: Option<u32>,
    /// The first pause, doubled each time.
    #[schemars(extend("format" = "duration"))]
    pub(super) first: Option<String>,
    /// The longest pause.
    #[schemars(extend("format" = "duration"))]
    pub(super) longest: Option<String>,
}

/// The columns, key and event time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DatasetKeys {
    /// The key fields; never null.
    #[serde(default)]
    pub(super) key: Vec<String>,
    /// The event-time field; never null.
    pub(super) timestamp: Option<String>,
    /// What a bare number in place of a timestamp counts since 1970.
    pub(super) timestamp_unit: Option<Unit>,
    /// The columns and their types, in order; a projection: whatever else the source has is left out.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub(super) fields: Option<Map<String, Value>>,
}

/// What a bare number in place of a timestamp counts since 1970.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    /// Seconds, with or without a fraction.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
}

impl Unit {
    pub(super) fn arrow(self) -> TimeUnit {
        match self {
            Self::Seconds => TimeUnit::Second,
            Self::Milliseconds => TimeUnit::Millisecond,
            Self::Microseconds => TimeUnit::Microsecond,
        }
    }
}

pub(super) fn schema() -> Schema {
    schema_for!(PipelineKeys)
}
