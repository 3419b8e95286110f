//! How files are read.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result};
use thyme_formats::compression::Compression;
use thyme_formats::csv::CsvOptions;

use crate::read::{Changed, MetadataColumn, ReadFormat, ReadOptions};

/// A config struct with its own fields first, then those that say how files are read.
///
/// It gets a method `reading`. The derives of the struct are its own: `Deserialize`, `JsonSchema` and `bon::Builder`.
#[macro_export]
macro_rules! with_reading {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        pub struct $name {
            $($own)*

            /// `json` (one object, several, or an array), `jsonl`, `csv`, `parquet`, `avro` or `arrow` (files and streams of it); by
            /// the ends of the names unless said otherwise.
            pub format: Option<$crate::config::ReadFormat>,

            /// `none`, `gzip`, `zstd`, `bz2`, `lz4` or `snappy`; by the ends of the names and the first bytes unless said
            /// otherwise.
            pub compression: Option<$crate::config::Compression>,

            /// What stands between two fields of CSV: one ASCII character. A tab for `.tsv` unless said otherwise.
            pub delimiter: Option<String>,

            /// Whether the first record of a CSV file names the columns; without it they are those of the dataset, in order.
            #[serde(default = "thyme_files::config::header")]
            #[builder(default = $crate::config::header())]
            pub header: bool,

            /// What stands around CSV fields with delimiters or line ends in them: one ASCII character.
            #[serde(default = "thyme_files::config::quote")]
            #[builder(default = $crate::config::quote())]
            pub quote: String,

            /// What makes the next character of a quoted CSV field stand for itself; without it a quote is written twice.
            pub escape: Option<String>,

            /// The bare CSV field that means NULL: an empty one unless said otherwise. A quoted one is text.
            #[serde(default)]
            #[builder(default)]
            #[schemars(extend("x-aliases" = ["nullValue"]))]
            pub null_value: String,

            /// Columns about the file of each row: `path` (`_path`), `last_modified` (`_last_modified`), `size` (`_size`) and
            /// `row` (`_row`, the number of the record in the file, from 1).
            #[serde(default)]
            #[builder(
                default,
                with = |columns: impl IntoIterator<Item = $crate::config::MetadataColumn>| columns.into_iter().collect()
            )]
            pub metadata: Vec<$crate::config::MetadataColumn>,
        }

        impl $name {
            /// These fields alone.
            pub(crate) fn reading(&self) -> $crate::config::Reading<'_> {
                $crate::config::Reading {
                    format: self.format,
                    compression: self.compression,
                    delimiter: self.delimiter.as_deref(),
                    header: self.header,
                    quote: &self.quote,
                    escape: self.escape.as_deref(),
                    null_value: &self.null_value,
                    metadata: &self.metadata,
                }
            }
        }
    };
}

/// The fields that [`with_reading`](crate::with_reading) adds.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is said where it is configured")]
pub struct Reading<'a> {
    pub format: Option<ReadFormat>,
    pub compression: Option<Compression>,
    pub delimiter: Option<&'a str>,
    pub header: bool,
    pub quote: &'a str,
    pub escape: Option<&'a str>,
    pub null_value: &'a str,
    pub metadata: &'a [MetadataColumn],
}

impl Reading<'_> {
    /// How the files at `path`, which may be a pattern, are to be read.
    ///
    /// # Errors
    /// `Config` for CSV options that are more than one character, or contradict each other.
    pub fn options(&self, path: &str, changed: Changed) -> Result<ReadOptions> {
        let tabs = path.ends_with(".tsv") || path.contains(".tsv.");
        let csv = CsvOptions {
            delimiter: match self.delimiter {
                Some(delimiter) => ascii("delimiter", delimiter)?,
                None if tabs => b'\t',
                None => b',',
            },
            header: self.header,
            quote: ascii("quote", self.quote)?,
            escape: self.escape.map(|escape| ascii("escape", escape)).transpose()?,
            null_value: self.null_value.to_owned(),
            ..CsvOptions::default()
        };
        let (format, compression, metadata) = (self.format, self.compression, self.metadata.to_vec());
        let options = ReadOptions { format, compression, changed, csv, metadata };
        options.check()?;
        Ok(options)
    }
}

/// What becomes of an object that was read and written again since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ObjectChanged {
    /// It stays as it was read; the log says so.
    #[default]
    Ignore,
    /// It is read again from its start.
    Reread,
    /// It is an error.
    Fail,
}

impl From<ObjectChanged> for Changed {
    fn from(changed: ObjectChanged) -> Self {
        match changed {
            ObjectChanged::Ignore => Self::Ignore,
            ObjectChanged::Reread => Self::Reread,
            ObjectChanged::Fail => Self::Fail,
        }
    }
}

/// What stands around CSV fields unless said otherwise.
#[must_use]
pub fn quote() -> String {
    "\"".to_owned()
}

fn ascii(name: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [one] if one.is_ascii() => Ok(*one),
        _ => Err(Error::new(Kind::Config, format!("the csv {name} is one ASCII character, not {text:?}"))),
    }
}
