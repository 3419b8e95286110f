//! What can be said about a sink.
use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::with_connection;
use super::{Acks, Compression, CreateTopic, Delivery, Encoding, Format, HeaderColumn, Mode};

with_connection! {
    /// Publishes rows to a topic, exactly once: records and the cursor in one transaction.
    #[derive(Clone, Debug, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), on(thyme_core::Secret, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct KafkaSinkConfig {
        /// The topic.
        #[schemars(extend("minLength" = 1))]
        pub topic: String,

        /// The columns that make the key of a record; the key of the dataset unless said otherwise.
        #[serde(default, deserialize_with = "super::fields::names")]
        #[schemars(extend("type" = ["string", "array"], "x-aliases" = ["key_field", "keyFields", "keyField"]))]
        #[builder(default, with = |columns: impl IntoIterator<Item = impl Into<String>>| columns.into_iter().map(Into::into).collect())]
        pub key_fields: Vec<String>,

        /// The column that decides the partition: an integer is its number, anything else is hashed. The key decides unless given.
        #[schemars(extend("minLength" = 1, "x-aliases" = ["partitionField"]))]
        pub partition_field: Option<String>,

        /// What the values are: `json`, `avro` (its schema is registered), `string` or `bytes` (of a dataset with one column beside
        /// the key), or `csv`.
        #[serde(default = "format")]
        #[builder(default = format())]
        #[schemars(extend("x-aliases" = ["value_format", "value_serializer"]))]
        pub format: Format,

        /// What the keys are: `string`, `json`, `avro`, `bytes` or `csv`. `string` writes a key of several columns as JSON.
        #[serde(default = "key_format")]
        #[builder(default = key_format())]
        #[schemars(extend("x-aliases" = ["key_serializer"]))]
        pub key_format: Format,

        /// What becomes of the records that are there: they stay (`append`). Other modes are refused, for a log can do nothing else.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["strategy"], "x-value-aliases" = {"create_new": "append", "replace": "overwrite"}))]
        pub mode: Mode,

        /// What a change becomes: `append` (rows alone), `upsert` (the latest row of a key, and a record without a value where it
        /// ends), or `debezium` (its envelopes). Unless given `append` where the pipeline's rows are events, else `upsert`.
        pub encoding: Option<Encoding>,

        /// What is promised: `exactly_once` by transactions, or `at_least_once` by an idempotent producer.
        #[serde(default)]
        #[builder(default)]
        pub delivery: Delivery,

        /// The name that a later process fences an earlier one by; made of the pipeline and the task unless given.
        #[schemars(extend("minLength" = 1, "x-aliases" = ["transactionalId"]))]
        pub transactional_id: Option<String>,

        /// How long a transaction may stay open before the broker aborts it; commits are made in time.
        #[serde(default, deserialize_with = "super::fields::time")]
        #[schemars(with = "Option<String>", extend("format" = "duration", "default" = "60s", "x-aliases" = ["transactionTimeout"]))]
        pub transaction_timeout: Option<std::time::Duration>,

        /// The compacted topic that holds the cursors under `exactly_once`.
        #[serde(default = "progress_topic")]
        #[builder(default = progress_topic())]
        #[schemars(extend("minLength" = 1, "x-aliases" = ["progressTopic"]))]
        pub progress_topic: String,

        /// Creates the topic when it is not there, with these settings; without it a missing topic is an error.
        #[schemars(extend("x-aliases" = ["createTopic"]))]
        pub create_topic: Option<CreateTopic>,

        /// Headers of each record: `op` (`thyme.op`) and `position` (`thyme.position`).
        #[serde(default)]
        #[builder(default, with = |headers: impl IntoIterator<Item = HeaderColumn>| headers.into_iter().collect())]
        pub headers: Vec<HeaderColumn>,

        /// How many brokers have a record before it counts: `all`, `1` or `0`. Less than `all` only under `at_least_once`.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-value-aliases" = {"-1": "all"}))]
        pub acks: Acks,

        /// How often a record is sent again before it counts as failed; without end within its time unless given.
        pub retries: Option<u32>,

        /// Milliseconds that a record waits for others to be sent with.
        #[serde(default = "linger_ms")]
        #[builder(default = linger_ms())]
        #[schemars(extend("x-aliases" = ["lingerMs"]))]
        pub linger_ms: u32,

        /// Bytes of records that are sent to a partition at a time.
        #[serde(default = "batch_size")]
        #[builder(default = batch_size())]
        #[schemars(range(min = 1), extend("x-aliases" = ["batchSize"]))]
        pub batch_size: usize,

        /// How batches are compressed: `none`, `gzip`, `snappy`, `lz4` or `zstd`.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["compressionType"]))]
        pub compression_type: Compression,
    }
}

fn format() -> Format {
    Format::Json
}

fn key_format() -> Format {
    Format::String
}

fn progress_topic() -> String {
    "__thyme_progress".to_owned()
}

fn linger_ms() -> u32 {
    5
}

fn batch_size() -> usize {
    1_000_000
}
