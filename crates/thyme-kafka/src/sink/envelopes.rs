//! Changes as Debezium's envelopes, with a tombstone after each delete.
use thyme_core::{Batch, Dataset, Error, Kind, Op, Result};
use thyme_formats::debezium::{EncodeOptions, Encoder};
use thyme_formats::encode::BadRow;

use super::slots::Slots;
use crate::config::{Format, KafkaSinkConfig};

/// Writes changes as envelopes and their keys.
#[derive(Debug)]
pub(super) struct Envelopes {
    encoder: Encoder,
}

impl Envelopes {
    /// Envelopes of rows of `dataset`.
    ///
    /// # Errors
    /// `Config` for formats and keys that envelopes do not have, `Unsupported` for types that Debezium has no counterpart for.
    pub(super) fn new(config: &KafkaSinkConfig, dataset: &Dataset) -> Result<Self> {
        validate(config)?;
        Ok(Self { encoder: Encoder::new(dataset, EncodeOptions::new(&*config.topic))? })
    }

    /// The keys and envelopes of `batch`; returns the rows that have none.
    ///
    /// # Errors
    /// `Unexpected` for other columns than those of the dataset.
    pub(super) fn encode(&mut self, batch: &Batch, keys: &mut Slots, values: &mut Slots) -> Result<Vec<BadRow>> {
        keys.clear();
        values.clear();
        let now = jiff::Timestamp::now().as_millisecond();
        let mut bad = self.encoder.keys(&batch.rows, &mut keys.bytes, &mut keys.ends)?;
        bad.extend(self.encoder.values(batch, now, &mut values.bytes, &mut values.ends)?);
        // A truncation is of no key.
        for row in (0..batch.rows.num_rows()).filter(|row| batch.ops.at(*row) == Op::Truncate) {
            keys.set_null(row);
        }
        bad.retain(|bad| batch.ops.at(bad.row) != Op::Truncate);
        Ok(bad)
    }
}

/// Says what envelopes do not have.
///
/// # Errors
/// `Config` for other formats and keys.
pub(super) fn validate(config: &KafkaSinkConfig) -> Result<()> {
    if config.format != Format::Json || !matches!(config.key_format, Format::Json | Format::String) {
        let text = "`encoding = \"debezium\"` writes envelopes as JSON: leave `format` and `key_format` out";
        return Err(Error::new(Kind::Config, text));
    }
    if !config.key_fields.is_empty() {
        let text = "`encoding = \"debezium\"` writes the key of the dataset: leave `key_fields` out";
        return Err(Error::new(Kind::Config, text));
    }
    Ok(())
}
