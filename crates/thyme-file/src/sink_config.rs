//! What can be said about a file sink.
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use thyme_core::{Error, Kind, Result, Size, duration};
use thyme_files::write::Roll;
use thyme_formats::csv::CsvWriteOptions;
use thyme_formats::json_out::{JsonWriteOptions, NonFinite, Nulls, Numbers};

/// Writes files, exactly once.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, bon::Builder)]
#[serde(deny_unknown_fields)]
#[builder(on(String, into), finish_fn = config, state_mod(vis = "pub"))]
pub struct FileSinkConfig {
    /// The folder that files are written to; it is made when it is not there. `_thyme` in it holds the pipeline's own files;
    /// under `overwrite` they are beside it, in `.<name>.thyme`.
    #[schemars(extend("x-path" = true))]
    pub path: String,

    /// What stands in the files: `parquet`, `jsonl` or `csv`.
    #[serde(default)]
    #[builder(default)]
    pub format: FileFormat,

    /// What happens to what is there: `append` adds files with each commit, `overwrite` replaces the whole folder with each
    /// poll, `error_if_exists` adds files and refuses a folder with content that this pipeline did not write.
    #[serde(default)]
    #[builder(default)]
    #[schemars(extend("x-aliases" = ["strategy"], "x-value-aliases" = {"create_new": "append", "replace": "overwrite"}))]
    pub mode: FileMode,

    /// Columns whose values become folders, as in `dt=2024-01-01/`; the files leave them out.
    #[serde(default)]
    #[builder(default, with = |columns: impl IntoIterator<Item = impl Into<String>>| columns.into_iter().map(Into::into).collect())]
    #[schemars(extend("x-aliases" = ["partitionBy"]))]
    pub partition_by: Vec<String>,

    /// Names of the files without their ending, with the tokens `{pipeline}` `{task}` `{seq}` (of the commit) `{part}`
    /// `{dataset}` `{date}` `{time}`; of the first four, what is left out is added at the end. `{pipeline}-{task}-{seq}-{part}`
    /// unless said otherwise.
    #[schemars(extend("x-aliases" = ["fileTemplate"]))]
    pub file_template: Option<String>,

    /// `none`, `snappy` (Parquet alone), `gzip` or `zstd`; Parquet is compressed by snappy and text not at all unless said
    /// otherwise. Compressed text ends in `.gz` or `.zst`.
    pub compression: Option<FileCompression>,

    /// When a file is full, and rows have waited long enough.
    #[serde(default)]
    #[builder(default)]
    pub roll: RollConfig,

    /// What stands between two fields of CSV: one ASCII character, `,` unless said otherwise.
    pub delimiter: Option<String>,

    /// Whether each CSV file begins with the names of its columns.
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

/// What stands in the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Parquet: typed columns, compressed.
    #[default]
    Parquet,
    /// A JSON object a line.
    #[serde(alias = "ndjson")]
    Jsonl,
    /// Comma-separated values, or other delimiters.
    Csv,
}

impl FileFormat {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// What happens to what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// Each commit adds files.
    #[default]
    Append,
    /// Each poll replaces the folder as one commit; a poll that read nothing leaves it as it is.
    Overwrite,
    /// Adds files; a folder with content that this pipeline did not write is refused.
    ErrorIfExists,
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileCompression {
    /// Not at all.
    None,
    /// The pages of Parquet: fast.
    Snappy,
    /// Read by everything.
    Gzip,
    /// Small and fast.
    Zstd,
}

/// When a file is full, and rows have waited long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, bon::Builder)]
#[serde(deny_unknown_fields, default)]
pub struct RollConfig {
    /// Bytes at which a file is closed; it may be larger by one batch, or by the row groups that are being encoded.
    #[builder(default = Size(Roll::default().size))]
    pub size: Size,
    /// No file has more rows than this.
    pub rows: Option<u64>,
    /// No row waits longer to be seen.
    #[serde(deserialize_with = "interval")]
    #[schemars(with = "String", extend("format" = "duration"))]
    #[builder(default = Roll::default().interval)]
    pub interval: Duration,
}

impl Default for RollConfig {
    fn default() -> Self {
        Self::builder().build()
    }
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    duration::parse(&text).map_err(serde::de::Error::custom)
}

pub(crate) fn header() -> bool {
    true
}

pub(crate) fn decimals() -> Numbers {
    JsonWriteOptions::default().decimals
}

pub(crate) fn int64() -> Numbers {
    JsonWriteOptions::default().int64
}

/// How CSV is written.
pub(crate) fn csv(delimiter: Option<&str>, header: bool, null_value: &str) -> Result<CsvWriteOptions> {
    let defaults = CsvWriteOptions::default();
    let delimiter = match delimiter.map(str::as_bytes) {
        None => defaults.delimiter,
        Some([one]) => *one,
        Some(_) => {
            return Err(Error::new(Kind::Config, "a delimiter is one ASCII character")
                .context("delimiter", delimiter.unwrap_or_default()));
        }
    };
    Ok(CsvWriteOptions { delimiter, header, null_value: null_value.to_owned(), ..defaults })
}
