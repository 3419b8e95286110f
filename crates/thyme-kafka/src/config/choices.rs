//! What a field may say.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What a value or a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON object.
    Json,
    /// Avro, behind the five bytes that name its schema in the registry.
    Avro,
    /// Text in UTF-8.
    String,
    /// Bytes as they are.
    Bytes,
    /// One CSV record.
    Csv,
}

/// Where to begin without a cursor and without an offset of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutoOffsetReset {
    /// With what comes from the first look on.
    #[default]
    Latest,
    /// With the oldest record that is there.
    Earliest,
    /// With the first record at or after `start_timestamp`.
    Timestamp,
    /// Nowhere: the run fails.
    None,
}

/// Which records of transactions are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsolationLevel {
    /// Those of transactions that were committed.
    #[default]
    ReadCommitted,
    /// All, also those of transactions that are open or were aborted.
    ReadUncommitted,
}

/// How the members of a group agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// The members share out the partitions, cooperatively.
    #[default]
    Classic,
    /// The broker shares them out (KIP-848, brokers from 4.0 on).
    Consumer,
}

/// A column about the record of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetadataColumn {
    /// `_key`: the key, as `key_format` says.
    Key,
    /// `_partition`: the number of the partition.
    Partition,
    /// `_offset`: the offset in the partition.
    Offset,
    /// `_timestamp`: the time of the record, by its writer or the broker as the topic says.
    Timestamp,
    /// `_headers`: names and values, in order.
    Headers,
    /// `_topic`: the topic.
    Topic,
}

/// A header of the records that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeaderColumn {
    /// `thyme.op`: `insert`, `update`, `delete` or `truncate`.
    Op,
    /// `thyme.position`: where the source stands after the batch that the row came with, as JSON.
    Position,
}

/// How many brokers have a record before it counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Acks {
    /// All that are in sync.
    #[default]
    #[serde(rename = "all")]
    All,
    /// The leader.
    #[serde(rename = "1")]
    One,
    /// None: it is not asked.
    #[serde(rename = "0")]
    Zero,
}

/// How batches of records are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

/// What is promised about each row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Rows and the cursor in one transaction.
    #[default]
    ExactlyOnce,
    /// Rows by an idempotent producer; after a crash those since the last commit come again.
    AtLeastOnce,
}

/// What becomes of the records that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They stay, and others are added: all that a log can do.
    #[default]
    Append,
    /// Refused: it is `encoding` that says what a change becomes.
    Upsert,
    /// Refused: a log is not replaced.
    Overwrite,
    /// Refused: a log is not made anew.
    ErrorIfExists,
}

/// What a change becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Each row is a record; changes and deletes are refused.
    Append,
    /// A record is the latest row of its key, and one without a value its end.
    Upsert,
    /// Debezium's envelope: the row before, the row after, and what happened.
    Debezium,
}

/// What a topic is created with when it is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTopic {
    /// Partitions; as many as the broker gives a new topic unless said otherwise.
    #[schemars(range(min = 1))]
    pub partitions: Option<i32>,

    /// Copies of each partition; as many as the broker gives a new topic unless said otherwise.
    #[schemars(range(min = 1))]
    pub replication_factor: Option<i32>,

    /// Settings of the topic: `{ "cleanup.policy" = "compact" }`.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}
