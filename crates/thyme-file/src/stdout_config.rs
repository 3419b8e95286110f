//! What can be said about standard output.
use schemars::JsonSchema;
use serde::Deserialize;
use thyme_formats::json_out::{NonFinite, Nulls, Numbers};

use thyme_files::config::{decimals, header, int64};

/// Writes rows to standard output, at least once.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, bon::Builder)]
#[serde(deny_unknown_fields)]
#[builder(on(String, into), finish_fn = config, state_mod(vis = "pub"))]
pub struct StdoutSinkConfig {
    /// What is written: `jsonl` or `csv`.
    #[serde(default)]
    #[builder(default)]
    pub format: StdoutFormat,

    /// What stands between two fields of CSV: one ASCII character, `,` unless said otherwise.
    pub delimiter: Option<String>,

    /// Whether CSV begins with the names of its columns.
    #[serde(default = "header")]
    #[builder(default = header())]
    pub header: bool,

    /// What NULL is written as in CSV: nothing at all unless said otherwise. A value that spells the same is quoted.
    #[serde(default)]
    #[builder(default)]
    #[schemars(extend("x-aliases" = ["nullValue"]))]
    pub null_value: String,

    /// What becomes of NULL in JSON: `write` it, or `omit` its key.
    #[serde(default)]
    #[builder(default)]
    pub nulls: Nulls,

    /// What becomes of NaN and the infinities in JSON: `reject` refuses the row, `null`, or `string` writes `"NaN"`.
    #[serde(default)]
    #[builder(default)]
    pub non_finite: NonFinite,

    /// Decimals in JSON: as a `string`, which keeps all digits, or as a `number`.
    #[serde(default = "decimals")]
    #[builder(default = decimals())]
    pub decimals: Numbers,

    /// Integers of 64 bits in JSON: as a `number`, or as a `string` for readers that take numbers for doubles.
    #[serde(default = "int64")]
    #[builder(default = int64())]
    pub int64: Numbers,
}

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StdoutFormat {
    /// A JSON object a line.
    #[default]
    #[serde(alias = "ndjson")]
    Jsonl,
    /// Comma-separated values, or other delimiters.
    Csv,
}
