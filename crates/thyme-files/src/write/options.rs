//! What files are written like.
use std::time::Duration;

use jiff::Timestamp;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Result, Task};
use thyme_formats::avro::file::{AvroCodec, AvroFileEncoder};
use thyme_formats::csv::{CsvEncoder, CsvWriteOptions};
use thyme_formats::ipc::{IpcCompression, IpcEncoder};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};
use thyme_formats::parquet::{ParquetEncoder, ParquetWriteOptions};

use super::partition;
use super::template::{Template, Values};

/// What files are written like.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What stands in them.
    pub format: Format,
    /// What happens to what is there.
    pub mode: Mode,
    /// Columns whose values become folders (`dt=2024-01-01/`), and are left out of the files.
    pub partition_by: Vec<String>,
    /// What they are called.
    pub template: Template,
    /// When one is full.
    pub roll: Roll,
}

impl Options {
    /// The name, relative to the target, of a file that `pipeline` would write.
    #[must_use]
    pub fn example(&self, pipeline: &str) -> String {
        let task = Task::alone(pipeline);
        let values = Values { task: &task, dataset: pipeline, seq: 1, now: Timestamp::now() };
        let folders: String = self.partition_by.iter().map(|column| format!("{}=x/", partition::name(column))).collect();
        format!("{folders}{}.{}", self.template.name(&values, 0), self.format.suffix())
    }
}

/// What stands in a file.
#[derive(Clone, Debug)]
pub enum Format {
    /// Parquet.
    Parquet(ParquetWriteOptions),
    /// A JSON object a line.
    Jsonl(JsonWriteOptions, Compression),
    /// CSV.
    Csv(CsvWriteOptions, Compression),
    /// Object container files of Avro.
    Avro(AvroCodec),
    /// Files of Arrow.
    Arrow(IpcCompression),
}

/// What the records of Avro are called.
pub(super) const RECORD: &str = "record";

/// How files of text are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Names end in `.gz`.
    Gzip,
    /// Names end in `.zst`.
    Zstd,
}

impl Default for Format {
    fn default() -> Self {
        Self::Parquet(ParquetWriteOptions::default())
    }
}

impl Format {
    /// Whether it has words for these columns.
    pub(super) fn holds(&self, columns: &SchemaRef) -> Result<()> {
        match self {
            Self::Parquet(options) => ParquetEncoder::new(columns, options).map(drop),
            Self::Jsonl(options, _) => JsonEncoder::new(columns, options.clone()).map(drop),
            Self::Csv(options, _) => CsvEncoder::new(columns, options.clone()).map(drop),
            Self::Avro(codec) => AvroFileEncoder::new(Vec::new(), RECORD, columns, *codec).map(drop),
            Self::Arrow(compression) => IpcEncoder::new(columns, *compression).map(drop),
        }
    }

    /// How names end, without the dot: `parquet`, `jsonl.gz`.
    #[must_use]
    pub fn suffix(&self) -> String {
        match self {
            Self::Parquet(_) => "parquet".to_owned(),
            Self::Jsonl(_, compression) => format!("jsonl{}", compression.suffix()),
            Self::Csv(_, compression) => format!("csv{}", compression.suffix()),
            Self::Avro(_) => "avro".to_owned(),
            Self::Arrow(_) => "arrow".to_owned(),
        }
    }
}

impl Compression {
    fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// What happens to what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Each commit adds files.
    #[default]
    Append,
    /// Each poll replaces the target as one commit.
    Overwrite,
    /// Each commit adds files; a target that this pipeline did not make is refused.
    ErrorIfExists,
}

/// When a file is full, and rows have waited long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roll {
    /// Bytes of output at which a file is closed: looked at after each batch, so a file is larger by up to one batch, or, of
    /// Parquet, by the row groups that are being encoded.
    pub size: u64,
    /// No file has more rows.
    pub rows: Option<u64>,
    /// No staged row waits longer.
    pub interval: Duration,
}

impl Default for Roll {
    fn default() -> Self {
        Self { size: 128 << 20, rows: None, interval: Duration::from_secs(300) }
    }
}
