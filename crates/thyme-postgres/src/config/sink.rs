//! What can be said about a sink.
use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::with_connection;

with_connection! {
    /// Writes a table, exactly once: rows and cursor commit in one transaction.
    #[derive(Clone, Debug, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), on(thyme_core::Secret, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct PostgresSinkConfig {
        /// The table, as it is spelled in the catalog.
        pub table: String,

        /// What happens to what is there: `append` adds rows, `overwrite` replaces the table with each poll, `upsert` writes the
        /// latest row of each key, `error_if_exists` appends and refuses a table with rows that this pipeline did not write.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["strategy"], "x-value-aliases" = {"create_new": "append", "replace": "overwrite"}))]
        pub mode: Mode,

        /// What becomes of a row whose key is there: `update` it, `ignore` the new one, `error`, or the text that follows
        /// `ON CONFLICT`, such as `(id) DO UPDATE SET name = EXCLUDED.name`. `update` under `upsert`, else `error`.
        #[schemars(extend("minLength" = 1, "x-aliases" = ["onConflict"]))]
        pub on_conflict: Option<String>,

        /// Whether a delete of the source deletes the row of its key; without it deletes are refused.
        #[serde(default)]
        #[builder(default)]
        pub delete: bool,

        /// Rows that are sent to the server at a time, within one `COPY`; they are bounded in bytes as well.
        #[serde(default = "batch_size")]
        #[builder(default = batch_size())]
        #[schemars(range(min = 1), extend("x-aliases" = ["batchSize"]))]
        pub batch_size: usize,

        /// Creates the table from the dataset when it is not there.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["autoCreate"]))]
        pub auto_create: bool,

        /// Adds columns that the dataset has and the table has not.
        #[serde(default)]
        #[builder(default)]
        #[schemars(extend("x-aliases" = ["autoEvolve"]))]
        pub auto_evolve: bool,
    }
}

/// What happens to what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Each commit adds rows.
    #[default]
    Append,
    /// Each poll replaces all rows as one commit; a poll that read nothing leaves them.
    Overwrite,
    /// Each commit writes the latest row of each key.
    Upsert,
    /// Adds rows; a table with rows that this pipeline did not write is refused.
    ErrorIfExists,
}

fn batch_size() -> usize {
    1000
}
