//! What can be said about a file source.
use schemars::JsonSchema;
use serde::Deserialize;
use thyme_files::read::{Changed, MetadataColumn, ReadFormat};
use thyme_formats::compression::Compression;

/// Reads files, each row once; goes on where files grew.
///
/// Under `changed = "append"` a last line without a line end may be going on. A JSON object that parses is taken at once;
/// anything else waits until the line ends, the file has rested for a minute, or the run is `--once`. What does not parse then
/// is reported and read again when the file goes on; a CSV record that was taken and goes on after all is an error.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, bon::Builder)]
#[serde(deny_unknown_fields)]
#[builder(on(String, into), finish_fn = config, state_mod(vis = "pub"))]
pub struct FileSourceConfig {
    /// A file, a folder (all files below it), or a pattern with `*` `**` `?` `[a-z]` `{a,b}`. Names that begin with `.` or `_`
    /// are left out unless the pattern writes that character.
    #[schemars(extend("x-path" = true))]
    pub path: String,

    /// `json` (one object, several, or an array), `jsonl`, `csv` or `parquet`; by the ends of the names unless said otherwise.
    pub format: Option<ReadFormat>,

    /// `none`, `gzip`, `zstd`, `bz2`, `lz4` or `snappy`; by the ends of the names and the first bytes unless said otherwise.
    pub compression: Option<Compression>,

    /// Whether the files are looked at again and again without a schedule, every `poll_interval_ms`.
    #[serde(default)]
    #[builder(default)]
    pub watch: bool,

    /// Milliseconds from one look at the files to the next under `watch`.
    #[serde(default = "poll_interval_ms")]
    #[builder(default = poll_interval_ms())]
    #[schemars(range(min = 1), extend("x-aliases" = ["pollIntervalMs"]))]
    pub poll_interval_ms: u64,

    /// What becomes of a file that was read and changed since: `append` reads on what was added and fails for any other change,
    /// `ignore` leaves it as it was read, `reread` reads it again from its start, `fail` fails.
    #[serde(default = "changed")]
    #[builder(default = changed())]
    pub changed: Changed,

    /// What stands between two fields of CSV: one ASCII character. A tab for `.tsv` unless said otherwise.
    pub delimiter: Option<String>,

    /// Whether the first record of a CSV file names the columns; without it they are those of the dataset, in order.
    #[serde(default = "header")]
    #[builder(default = header())]
    pub header: bool,

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

    /// Columns about the file of each row: `path` (`_path`), `last_modified` (`_last_modified`), `size` (`_size`) and `row`
    /// (`_row`, the number of the record in the file, from 1).
    #[serde(default)]
    #[builder(default, with = |columns: impl IntoIterator<Item = MetadataColumn>| columns.into_iter().collect())]
    pub metadata: Vec<MetadataColumn>,
}

fn poll_interval_ms() -> u64 {
    1000
}

fn changed() -> Changed {
    Changed::Append
}

fn header() -> bool {
    true
}

fn quote() -> String {
    "\"".to_owned()
}
