//! What can be said about a source.
use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::with_connection;
use super::{AutoOffsetReset, Debezium, Format, GroupProtocol, IsolationLevel, MetadataColumn};

with_connection! {
    /// Reads topics, each record once: positions live in the cursor and move with the rows.
    #[derive(Clone, Debug, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), on(thyme_core::Secret, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct KafkaSourceConfig {
        /// The topic, or a list of topics whose records have one shape.
        #[serde(deserialize_with = "super::fields::names")]
        #[schemars(extend("type" = ["string", "array"]))]
        #[builder(with = |topics: impl IntoIterator<Item = impl Into<String>>| topics.into_iter().map(Into::into).collect())]
        pub topic: Vec<String>,

        /// The consumer group; the pipeline's name unless said otherwise. Positions are committed to it as well, for tools that watch
        /// the lag.
        #[schemars(extend("minLength" = 1, "x-aliases" = ["groupId"]))]
        pub group_id: Option<String>,

        /// Whether processes share the partitions. `false`: this one reads all of them, and a second one with this group takes its
        /// place. `true`: the group shares them out, and each partition is a task of its own, with its own cursor.
        #[serde(default)]
        #[builder(default)]
        pub shared: bool,

        /// How the members of a shared group agree: `classic` (cooperative), or `consumer` (KIP-848, brokers from 4.0 on).
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["groupProtocol"]))]
        pub group_protocol: GroupProtocol,

        /// Where to begin without a cursor and without an offset of the group: `latest` (what comes after the first look),
        /// `earliest`, `timestamp` (with `start_timestamp`), or `none`, which fails.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["autoOffsetReset"]))]
        pub auto_offset_reset: AutoOffsetReset,

        /// The time of the first record to read under `auto_offset_reset = "timestamp"`: `2026-01-31T12:00:00Z`.
        #[schemars(extend("minLength" = 1, "x-aliases" = ["startTimestamp"]))]
        pub start_timestamp: Option<String>,

        /// What the values are: `json`, `avro`, `string`, `bytes` or `csv` (one record without a header, columns as in the dataset).
        #[serde(default = "format")]
        #[builder(default = format())]
        #[schemars(extend("x-aliases" = ["value_format", "value_deserializer"]))]
        pub format: Format,

        /// What the keys are, for the column `_key`: `string`, `json`, `avro`, `bytes` or `csv`.
        #[serde(default = "key_format")]
        #[builder(default = key_format())]
        #[schemars(extend("x-aliases" = ["key_deserializer"]))]
        pub key_format: Format,

        /// How Debezium was told to write decimals, times and what it does not know: what its envelopes do not say where they come
        /// without a schema.
        #[serde(default)]
        #[builder(default)]
        pub debezium: Debezium,

        /// Whether the bytes of each value are kept in the column `_value`.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["storeRawValue"]))]
        pub store_raw_value: bool,

        /// Columns about the record of each row: `key` (`_key`), `partition` (`_partition`), `offset` (`_offset`), `timestamp`
        /// (`_timestamp`), `headers` (`_headers`) and `topic` (`_topic`).
        #[serde(default)]
        #[builder(default, with = |columns: impl IntoIterator<Item = MetadataColumn>| columns.into_iter().collect())]
        pub metadata: Vec<MetadataColumn>,

        /// Which records of transactions are read: `read_committed`, or `read_uncommitted` for all.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["isolationLevel"]))]
        pub isolation_level: IsolationLevel,

        /// The most records of one batch; a batch is bounded in bytes as well.
        #[schemars(range(min = 1), extend("x-aliases" = ["maxPollRecords"], "default" = 65536))]
        pub max_poll_records: Option<usize>,

        /// Milliseconds without a sign of life after which the group gives up a process.
        #[schemars(range(min = 1), extend("x-aliases" = ["sessionTimeoutMs"], "default" = 45000))]
        pub session_timeout_ms: Option<u32>,

        /// Milliseconds between two signs of life.
        #[schemars(range(min = 1), extend("x-aliases" = ["heartbeatIntervalMs"], "default" = 3000))]
        pub heartbeat_interval_ms: Option<u32>,

        /// `false` is what happens: positions belong to the cursor. `true` is refused.
        #[schemars(extend("x-aliases" = ["enableAutoCommit"]))]
        pub enable_auto_commit: Option<bool>,

        /// What stands between two fields of CSV: one ASCII character.
        #[serde(default = "delimiter")]
        #[builder(default = delimiter())]
        pub delimiter: String,

        /// What stands around CSV fields with delimiters or line ends in them: one ASCII character.
        #[serde(default = "quote")]
        #[builder(default = quote())]
        pub quote: String,

        /// What makes the next character of a quoted CSV field stand for itself; without it a quote is written twice.
        pub escape: Option<String>,

        /// The bare CSV field that means NULL: an empty one unless said otherwise. A quoted one is text.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["nullValue"]))]
        pub null_value: String,
    }
}

fn format() -> Format {
    Format::Json
}

fn key_format() -> Format {
    Format::String
}

fn delimiter() -> String {
    ",".to_owned()
}

fn quote() -> String {
    "\"".to_owned()
}
