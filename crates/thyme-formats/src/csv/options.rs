//! How a CSV file is to be read.
use thyme_core::{Error, Kind, Result};

use crate::TimestampUnit;
use crate::scan::Unknown;

/// How a CSV file is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between two fields; `,` by default.
    pub delimiter: u8,
    /// Whether the first record of a file names the columns; without it the columns are those of the schema, in order.
    pub header: bool,
    /// What stands around a field that has delimiters, quotes or line ends in it; `"` by default.
    pub quote: u8,
    /// What makes the next byte of a quoted field stand for itself. By default none does, and a quote is written twice.
    pub escape: Option<u8>,
    /// The bare field that means NULL; nothing at all by default.
    pub null_value: String,
    /// Whether a quote within a bare field is text like any other. By default it is a fault: more often than not it is where a
    /// file went wrong.
    pub stray_quote_is_text: bool,
    /// What becomes of columns that the schema does not have.
    pub unknown: Unknown,
    /// What a bare number means in a timestamp column.
    pub timestamp_unit: TimestampUnit,
    /// At most this many rows are made of one block.
    pub rows_at_most: usize,
    /// A longer record is a bad record.
    pub record_bytes_at_most: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            header: true,
            quote: b'"',
            escape: None,
            null_value: String::new(),
            stray_quote_is_text: false,
            unknown: Unknown::default(),
            timestamp_unit: TimestampUnit::default(),
            rows_at_most: 65_536,
            record_bytes_at_most: 16 << 20,
        }
    }
}

impl CsvOptions {
    /// Whether they go together.
    ///
    /// # Errors
    /// `Config` for marks that are not ASCII or stand for two things, and for limits of nothing.
    pub fn check(&self) -> Result<()> {
        marks(self.delimiter, self.quote, self.escape)?;
        let null = self.null_value.as_bytes();
        if null.iter().any(|b| [self.delimiter, self.quote, b'\n', b'\r'].contains(b)) {
            return Err(Error::new(Kind::Config, "`null_value` cannot have a delimiter, a quote or a line end in it"));
        }
        if self.rows_at_most == 0 || self.record_bytes_at_most == 0 {
            return Err(Error::new(Kind::Config, "the most rows and the most bytes of a record are at least 1"));
        }
        Ok(())
    }
}

/// Delimiter, quote and escape are ASCII, no line ends, and three different bytes.
pub(super) fn marks(delimiter: u8, quote: u8, escape: Option<u8>) -> Result<()> {
    let named = [("delimiter", Some(delimiter)), ("quote", Some(quote)), ("escape", escape)];
    for (i, (name, mark)) in named.iter().enumerate() {
        let Some(mark) = mark else { continue };
        if !mark.is_ascii() || matches!(mark, b'\n' | b'\r' | 0) {
            return Err(Error::new(Kind::Config, format!("the csv {name} is one ASCII character other than a line end")));
        }
        if let Some((other, _)) = named[..i].iter().find(|(_, m)| *m == Some(*mark)) {
            return Err(Error::new(
                Kind::Config,
                format!("the csv {name} and the {other} are the same, {:?}", char::from(*mark)),
            ));
        }
    }
    Ok(())
}
