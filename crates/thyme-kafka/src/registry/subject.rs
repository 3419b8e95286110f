//! The names that schemas are registered under.
use schemars::JsonSchema;
use serde::Deserialize;

/// How the subject of a schema is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// `topic-key`, `topic-value`.
    #[default]
    TopicName,
    /// The full name of the record.
    RecordName,
    /// `topic-` and the full name of the record.
    TopicRecordName,
}

/// The subject of the schema of a topic's keys or values; `record` is the full name of its record.
#[must_use]
pub fn subject(strategy: Strategy, topic: &str, record: &str, is_key: bool) -> String {
    match strategy {
        Strategy::TopicName => format!("{topic}-{}", if is_key { "key" } else { "value" }),
        Strategy::RecordName => record.to_owned(),
        Strategy::TopicRecordName => format!("{topic}-{record}"),
    }
}
