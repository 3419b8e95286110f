//! What can be said about a source.
use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::with_connection;

with_connection! {
    /// Reads a table or a query: nothing lost to ties or late commits, nothing read twice.
    #[derive(Clone, Debug, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), on(thyme_core::Secret, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct PostgresSourceConfig {
        /// The table or view, as it is spelled in the catalog. This or `query`.
        #[schemars(extend("minLength" = 1))]
        pub table: Option<String>,

        /// A `SELECT` to read in place of a table. This or `table`.
        #[schemars(extend("minLength" = 1))]
        pub query: Option<String>,

        /// Rows of one page; a page is bounded in bytes as well.
        #[serde(default = "batch_size")]
        #[builder(default = batch_size())]
        #[schemars(range(min = 1))]
        pub batch_size: usize,

        /// The column that a first read is split by into `num_partitions` ranges, read at the same time under one snapshot.
        #[schemars(extend("minLength" = 1))]
        pub partition_column: Option<String>,

        /// How many ranges of `partition_column` are read at the same time.
        #[schemars(range(min = 1))]
        pub num_partitions: Option<u32>,

        /// The columns to read; all of them, or those of the dataset, unless said otherwise.
        #[serde(default)]
        #[builder(default, with = |columns: impl IntoIterator<Item = impl Into<String>>| columns.into_iter().map(Into::into).collect())]
        pub columns: Vec<String>,

        /// A condition in SQL that every row read fulfils: `status <> 'draft'`.
        #[serde(rename = "where")]
        #[schemars(extend("minLength" = 1))]
        pub filter: Option<String>,

        /// The columns that tell rows with one cursor value apart; the primary key unless said otherwise.
        #[serde(default, deserialize_with = "super::fields::names")]
        #[schemars(extend("type" = ["string", "array"]))]
        #[builder(default, with = |columns: impl IntoIterator<Item = impl Into<String>>| columns.into_iter().map(Into::into).collect())]
        pub tie_breaker: Vec<String>,

        /// How far below the last cursor each poll looks again for rows that came late, and leaves out those it has seen: a
        /// duration (`5m`) for times, a number for integers.
        #[serde(default, deserialize_with = "super::fields::text")]
        #[schemars(extend("type" = ["string", "integer"]))]
        pub lookback: Option<String>,

        /// How long the reading stays behind a transaction that is still open and may yet commit rows in between; for as long
        /// as it takes unless set. After that it goes on, says so in the log, and misses what the transaction commits late.
        #[serde(default, deserialize_with = "super::fields::time")]
        #[schemars(with = "Option<String>", extend("format" = "duration"))]
        pub late_commit_wait: Option<std::time::Duration>,

        /// What becomes of rows without a cursor value: `fail`, `include` them in the first read, or `exclude` them.
        #[serde(default)]
        #[builder(default)]
        pub null_cursor: NullCursor,

        /// The first read begins after this cursor value.
        #[serde(default, deserialize_with = "super::fields::text")]
        #[schemars(extend("type" = ["string", "number"]))]
        pub initial_value: Option<String>,

        /// Nothing at or above this cursor value is read.
        #[serde(default, deserialize_with = "super::fields::text")]
        #[schemars(extend("type" = ["string", "number"]))]
        pub end_value: Option<String>,

        /// What `numeric` without a declared precision is read as: `string` keeps every digit, `double` is nearest.
        #[serde(default)]
        #[builder(default)]
        pub numeric: NumericAs,
    }
}

/// What becomes of rows without a cursor value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NullCursor {
    /// The read fails before a row is lost.
    #[default]
    Fail,
    /// They are read once, with the first read.
    Include,
    /// They are left out.
    Exclude,
}

/// What `numeric` without a declared precision is read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumericAs {
    /// Text with every digit; `NaN` and the infinities by these names.
    #[default]
    String,
    /// The nearest double.
    Double,
}

fn batch_size() -> usize {
    10_000
}
