//! How files are to be read.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result};
use thyme_formats::compression::Compression;
use thyme_formats::csv::CsvOptions;

/// What the bytes of a file mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadFormat {
    /// One JSON object, several one after another, or one array of objects.
    Json,
    /// A JSON object on each line.
    #[serde(alias = "ndjson")]
    Jsonl,
    /// Comma-separated values, or other delimiters.
    Csv,
    /// Parquet.
    Parquet,
    /// Object container files of Avro.
    Avro,
    /// Files and streams of Arrow.
    Arrow,
}

impl ReadFormat {
    /// Whether a file is whole or damaged, and compressed within: nothing is ever added behind its end.
    pub(super) fn is_closed(self) -> bool {
        matches!(self, Self::Parquet | Self::Avro | Self::Arrow)
    }
}

/// What becomes of a file that was read and changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Changed {
    /// A file that only grew is read on where it ended. One that changed in another way is an error.
    Append,
    /// It stays as it was read.
    Ignore,
    /// It is read again from its start.
    Reread,
    /// Any change is an error.
    Fail,
}

/// A column about the file that a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetadataColumn {
    /// `_path`, string: the file, as it is called in messages.
    Path,
    /// `_last_modified`, timestamp: when its content last changed.
    LastModified,
    /// `_size`, int64: its bytes.
    Size,
    /// `_row`, int64: the number of the record in its file, from 1, bad ones counted.
    Row,
}

/// How files are to be read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The format; by the file's name without it.
    pub format: Option<ReadFormat>,
    /// The compression; by the file's name and its first bytes without it.
    pub compression: Option<Compression>,
    /// What becomes of a file that was read and changed since.
    pub changed: Changed,
    /// How CSV is written. Columns, units and limits in here are set by the reader.
    pub csv: CsvOptions,
    /// Columns about the file.
    pub metadata: Vec<MetadataColumn>,
}

impl ReadOptions {
    /// Whether they go together.
    ///
    /// # Errors
    /// `Config` for CSV options that contradict each other.
    pub fn check(&self) -> Result<()> {
        self.csv.check()
    }

    /// Format and compression of the file called `name` that begins with `head`.
    ///
    /// # Errors
    /// `Config` when the name says nothing and no format is given; `Unsupported` for a format that comes later.
    pub(super) fn kind_of(&self, name: &str, head: &[u8]) -> Result<(ReadFormat, Compression)> {
        let (by_name, stem) = Compression::of_name(name);
        let by_magic = Compression::of_magic(head);
        let found = if by_magic == Compression::None { by_name } else { by_magic };
        let format = match self.format {
            Some(format) => format,
            None => format_of(stem)?,
        };
        let found = if format.is_closed() { Compression::None } else { found };
        Ok((format, self.compression.unwrap_or(found)))
    }
}

fn format_of(name: &str) -> Result<ReadFormat> {
    let extension = name.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension);
    Ok(match extension.to_ascii_lowercase().as_str() {
        "jsonl" | "ndjson" => ReadFormat::Jsonl,
        "json" => ReadFormat::Json,
        "csv" | "tsv" => ReadFormat::Csv,
        "parquet" => ReadFormat::Parquet,
        "avro" => ReadFormat::Avro,
        "arrow" | "arrows" | "feather" | "ipc" => ReadFormat::Arrow,
        later @ "orc" => {
            let text =
                format!("the format {later} comes in a later release; json, jsonl, csv, parquet, avro and arrow can be read");
            return Err(Error::new(Kind::Unsupported, text).context("path", name));
        }
        _ => {
            let text = "the name does not tell the format; set `format` to json, jsonl, csv, parquet, avro or arrow";
            return Err(Error::new(Kind::Config, text).context("path", name));
        }
    })
}
