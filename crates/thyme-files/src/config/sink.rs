//! How files are written.
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use thyme_core::{Error, Kind, Op, Result, SinkInfo, Size, duration};
use thyme_formats::avro::file::AvroCodec;
use thyme_formats::csv::CsvWriteOptions;
use thyme_formats::ipc::IpcCompression;
use thyme_formats::json_out::{JsonWriteOptions, NonFinite, Nulls, Numbers};
use thyme_formats::parquet::{ParquetCompression, ParquetWriteOptions};

use crate::write::{Compression, Format, Mode, Options, Roll};

/// With less than this between commits there are more files than anybody wants to read.
const COMMIT_AFTER: Duration = Duration::from_secs(60);

/// A config struct with its own fields first, then those that say how files are written.
///
/// It gets a method `writing`. The derives of the struct are its own: `Deserialize`, `JsonSchema` and `bon::Builder`.
#[macro_export]
macro_rules! with_writing {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        pub struct $name {
            $($own)*

            /// What stands in the files: `parquet`, `jsonl`, `csv`, `avro` or `arrow`.
            #[serde(default)]
            #[builder(default)]
            pub format: $crate::config::FileFormat,

            /// What happens to what is there: `append` adds files with each commit, `overwrite` replaces the whole folder with each
            /// poll, `error_if_exists` adds files and refuses a folder with content that this pipeline did not write.
            #[serde(default)]
            #[builder(default)]
            #[schemars(extend("x-aliases" = ["strategy"], "x-value-aliases" = {"create_new": "append", "replace": "overwrite"}))]
            pub mode: $crate::config::FileMode,

            /// Columns whose values become folders, as in `dt=2024-01-01/`; the files leave them out.
            #[serde(default)]
            #[builder(
                default,
                with = |columns: impl IntoIterator<Item = impl Into<String>>| columns.into_iter().map(Into::into).collect()
            )]
            #[schemars(extend("x-aliases" = ["partitionBy"]))]
            pub partition_by: Vec<String>,

            /// Names of the files without their ending, with the tokens `{pipeline}` `{task}` `{seq}` (of the commit) `{part}`
            /// `{dataset}` `{date}` `{time}`; of the first four, what is left out is added at the end. `{pipeline}-{task}-{seq}-{part}`
            /// unless said otherwise.
            #[schemars(extend("x-aliases" = ["fileTemplate"]))]
            pub file_template: Option<String>,

            /// `none`, `snappy` (for Parquet and Avro), `gzip` (for Parquet and text), `zstd` or `lz4` (for Arrow alone); Parquet and
            /// Avro are compressed by snappy, Arrow and text not at all unless said otherwise. Compressed text ends in `.gz` or
            /// `.zst`.
            pub compression: Option<$crate::config::FileCompression>,

            /// When a file is full, and rows have waited long enough.
            #[serde(default)]
            #[builder(default)]
            pub roll: $crate::config::RollConfig,

            /// What stands between two fields of CSV: one ASCII character, `,` unless said otherwise.
            pub delimiter: Option<String>,

            /// Whether each CSV file begins with the names of its columns.
            #[serde(default = "thyme_files::config::header")]
            #[builder(default = $crate::config::header())]
            pub header: bool,

            /// What NULL is written as in CSV: nothing at all unless said otherwise. A value that spells the same is quoted.
            #[serde(default)]
            #[builder(default)]
            #[schemars(extend("x-aliases" = ["nullValue"]))]
            pub null_value: String,

            /// What becomes of NULL in JSON: `write` it, or `omit` its key.
            #[serde(default)]
            #[builder(default)]
            pub nulls: $crate::config::Nulls,

            /// What becomes of NaN and the infinities in JSON: `reject` refuses the row, `null`, or `string` writes `"NaN"`.
            #[serde(default)]
            #[builder(default)]
            pub non_finite: $crate::config::NonFinite,

            /// Decimals in JSON: as a `string`, which keeps all digits, or as a `number`.
            #[serde(default = "thyme_files::config::decimals")]
            #[builder(default = $crate::config::decimals())]
            pub decimals: $crate::config::Numbers,

            /// Integers of 64 bits in JSON: as a `number`, or as a `string` for readers that take numbers for doubles.
            #[serde(default = "thyme_files::config::int64")]
            #[builder(default = $crate::config::int64())]
            pub int64: $crate::config::Numbers,
        }

        impl $name {
            /// These fields alone.
            pub(crate) fn writing(&self) -> $crate::config::Writing<'_> {
                $crate::config::Writing {
                    format: self.format,
                    mode: self.mode,
                    partition_by: &self.partition_by,
                    file_template: self.file_template.as_deref(),
                    compression: self.compression,
                    roll: self.roll,
                    delimiter: self.delimiter.as_deref(),
                    header: self.header,
                    null_value: &self.null_value,
                    json: [self.decimals, self.int64],
                    nulls: self.nulls,
                    non_finite: self.non_finite,
                }
            }
        }
    };
}

/// The fields that [`with_writing`](crate::with_writing) adds.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is said where it is configured")]
pub struct Writing<'a> {
    pub format: FileFormat,
    pub mode: FileMode,
    pub partition_by: &'a [String],
    pub file_template: Option<&'a str>,
    pub compression: Option<FileCompression>,
    pub roll: RollConfig,
    pub delimiter: Option<&'a str>,
    pub header: bool,
    pub null_value: &'a str,
    /// Decimals, and integers of 64 bits.
    pub json: [Numbers; 2],
    pub nulls: Nulls,
    pub non_finite: NonFinite,
}

impl Writing<'_> {
    /// How the files are to be written.
    ///
    /// # Errors
    /// `Config` for a template with unknown tokens, and for options that contradict each other.
    pub fn options(&self) -> Result<Options> {
        let template = self.file_template.map(str::parse).transpose()?.unwrap_or_default();
        let format = match self.format {
            FileFormat::Parquet => Format::Parquet(ParquetWriteOptions { compression: pages(self.compression)? }),
            FileFormat::Jsonl => {
                let ([decimals, int64], nulls, non_finite) = (self.json, self.nulls, self.non_finite);
                Format::Jsonl(JsonWriteOptions { nulls, non_finite, decimals, int64 }, text(self.compression)?)
            }
            FileFormat::Csv => Format::Csv(csv(self.delimiter, self.header, self.null_value)?, text(self.compression)?),
            FileFormat::Avro => Format::Avro(blocks(self.compression)?),
            FileFormat::Arrow => Format::Arrow(buffers(self.compression)?),
        };
        let mode = match self.mode {
            FileMode::Append => Mode::Append,
            FileMode::Overwrite => Mode::Overwrite,
            FileMode::ErrorIfExists => Mode::ErrorIfExists,
        };
        let RollConfig { size, rows, interval } = self.roll;
        if rows == Some(0) || size.0 == 0 {
            return Err(Error::new(Kind::Config, "a file holds at least one row and one byte").context("roll", "0"));
        }
        let roll = Roll { size: size.0, rows, interval };
        Ok(Options { format, mode, partition_by: self.partition_by.to_vec(), template, roll })
    }

    /// What a sink of files says about itself, which writes to `place`.
    #[must_use]
    pub fn info(&self, place: &str) -> SinkInfo {
        SinkInfo {
            identity: format!("{place} {}", self.format.name()),
            holds_cursor: true,
            ops: &[Op::Insert],
            before: false,
            partial: false,
            per_poll: self.mode == FileMode::Overwrite,
            commit_after: COMMIT_AFTER.min(self.roll.interval),
            commit_within: self.roll.interval,
        }
    }
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
    /// Object container files of Avro.
    Avro,
    /// Files of Arrow, which some programs call Feather.
    Arrow,
}

impl FileFormat {
    /// As it is written in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Avro => "avro",
            Self::Arrow => "arrow",
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
    /// The pages of Parquet and the blocks of Avro: fast.
    Snappy,
    /// Read by everything.
    Gzip,
    /// Small and fast.
    Zstd,
    /// The buffers of Arrow: faster still.
    Lz4,
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

/// CSV begins with the names of its columns unless said otherwise.
#[must_use]
pub fn header() -> bool {
    true
}

/// Decimals are strings unless said otherwise.
#[must_use]
pub fn decimals() -> Numbers {
    JsonWriteOptions::default().decimals
}

/// Integers of 64 bits are numbers unless said otherwise.
#[must_use]
pub fn int64() -> Numbers {
    JsonWriteOptions::default().int64
}

/// How CSV is written.
///
/// # Errors
/// `Config` for a delimiter of more than one character.
pub fn csv(delimiter: Option<&str>, header: bool, null_value: &str) -> Result<CsvWriteOptions> {
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

fn pages(compression: Option<FileCompression>) -> Result<ParquetCompression> {
    match compression {
        Some(FileCompression::None) => Ok(ParquetCompression::None),
        None | Some(FileCompression::Snappy) => Ok(ParquetCompression::Snappy),
        Some(FileCompression::Gzip) => Ok(ParquetCompression::Gzip),
        Some(FileCompression::Zstd) => Ok(ParquetCompression::Zstd),
        Some(FileCompression::Lz4) => Err(other("lz4", "Parquet is compressed by snappy, gzip or zstd; lz4 is for Arrow")),
    }
}

fn blocks(compression: Option<FileCompression>) -> Result<AvroCodec> {
    let text = "the blocks of Avro are compressed by snappy or zstd";
    match compression {
        Some(FileCompression::None) => Ok(AvroCodec::Null),
        None | Some(FileCompression::Snappy) => Ok(AvroCodec::Snappy),
        Some(FileCompression::Zstd) => Ok(AvroCodec::Zstandard),
        Some(FileCompression::Gzip) => Err(other("gzip", &format!("{text}; gzip is for text and Parquet"))),
        Some(FileCompression::Lz4) => Err(other("lz4", &format!("{text}; lz4 is for Arrow"))),
    }
}

fn buffers(compression: Option<FileCompression>) -> Result<IpcCompression> {
    let text = "the buffers of Arrow are compressed by lz4 or zstd";
    match compression {
        None | Some(FileCompression::None) => Ok(IpcCompression::None),
        Some(FileCompression::Lz4) => Ok(IpcCompression::Lz4),
        Some(FileCompression::Zstd) => Ok(IpcCompression::Zstd),
        Some(FileCompression::Snappy) => Err(other("snappy", &format!("{text}; snappy is for Parquet and Avro"))),
        Some(FileCompression::Gzip) => Err(other("gzip", &format!("{text}; gzip is for text and Parquet"))),
    }
}

fn text(compression: Option<FileCompression>) -> Result<Compression> {
    let text = "files of text are compressed by gzip or zstd";
    match compression {
        None | Some(FileCompression::None) => Ok(Compression::None),
        Some(FileCompression::Gzip) => Ok(Compression::Gzip),
        Some(FileCompression::Zstd) => Ok(Compression::Zstd),
        Some(FileCompression::Snappy) => Err(other("snappy", &format!("{text}; snappy is for Parquet and Avro"))),
        Some(FileCompression::Lz4) => Err(other("lz4", &format!("{text}; lz4 is for Arrow"))),
    }
}

fn other(compression: &str, text: &str) -> Error {
    Error::new(Kind::Config, text).context("compression", compression)
}
