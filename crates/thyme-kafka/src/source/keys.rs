//! Keys of records into the key columns: what a record without a value deletes.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};
use thyme_core::arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use thyme_core::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use thyme_core::{Error, Job, Kind, Result};
use thyme_formats::json::{JsonOptions, JsonScanner};
use thyme_formats::scan::Unknown;

use super::block::Texts;
use super::decode::{Bad, broken, json};
use crate::config::{Format, KafkaSourceConfig};

/// Decodes keys. A key is a JSON object of the key columns, or the value of the only one.
#[derive(Debug)]
pub(super) struct Keys {
    scanner: JsonScanner,
    fields: Vec<FieldRef>,
    all: SchemaRef,
    format: Format,
}

impl Keys {
    /// For the columns `all` that values hold.
    ///
    /// # Errors
    /// `Unsupported` for keys that can't be read into columns, `Schema` for key columns that are not among them.
    pub(super) fn new(config: &KafkaSourceConfig, job: &Job, all: &SchemaRef) -> Result<Self> {
        let field = |name: &String| {
            let missing = || Error::new(Kind::Schema, format!("the key column `{name}` is none of a record's own"));
            all.field_with_name(name).map(|field| Arc::new(field.clone())).map_err(|_| missing())
        };
        let fields = job.dataset.key().iter().map(field).collect::<Result<Vec<FieldRef>>>()?;
        if !matches!(config.key_format, Format::Json | Format::String) {
            let text = "deletes are read from keys that are `json` or `string`: set `key_format`";
            return Err(Error::new(Kind::Unsupported, text));
        }
        let options = JsonOptions { unknown: Unknown::Ignore, ..json(job) };
        let scanner = JsonScanner::new(&Arc::new(Schema::new(fields.clone())), options)?;
        Ok(Self { scanner, fields, all: Arc::clone(all), format: config.key_format })
    }

    /// Rows that are null but for the keys of `records`, and those whose keys can't be read.
    pub(super) fn decode(&mut self, keys: &Texts, records: &[usize]) -> Result<(RecordBatch, Vec<Bad>)> {
        let (mut texts, mut bad, mut read) = (Texts::default(), Vec::new(), Vec::new());
        for record in records {
            match keys.get(*record).map(|key| self.object(key)) {
                Some(Ok(object)) => {
                    texts.push(Some(&object));
                    read.push(*record);
                }
                Some(Err(reason)) => bad.push(Bad { record: *record, column: None, reason }),
                None => {
                    let reason = "a record without value and without key deletes nothing".to_owned();
                    bad.push(Bad { record: *record, column: None, reason });
                }
            }
        }
        let scanned = self.scanner.messages(&texts.bytes, &texts.ends)?;
        for (before, fault) in scanned.bad.into_iter().enumerate() {
            let record = read.get(fault.row + before).copied().unwrap_or_default();
            bad.push(Bad { record, column: None, reason: format!("the key: {}", fault.reason) });
        }
        let count = scanned.rows.num_rows();
        let column = |field: &FieldRef| {
            let own = self.fields.iter().position(|key| key.name() == field.name());
            own.map_or_else(|| new_null_array(field.data_type(), count), |at| Arc::clone(scanned.rows.column(at)))
        };
        let columns = self.all.fields().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.all), columns, &options).map_err(broken)?;
        Ok((rows, bad))
    }

    /// A key as the JSON object of its columns.
    fn object(&self, key: &[u8]) -> Result<Vec<u8>, String> {
        let text = std::str::from_utf8(key).map_err(|_| "the key: not valid UTF-8".to_owned())?;
        let object = text.trim_start().starts_with('{');
        let [field] = self.fields.as_slice() else {
            return if object {
                Ok(key.to_vec())
            } else {
                Err("the key is no JSON object, and there are several key columns".into())
            };
        };
        if object {
            return Ok(key.to_vec());
        }
        let bare = self.format == Format::Json || is_number(field.data_type());
        // Kept as it is written: a decimal has more digits than a float.
        let value = if bare { RawValue::from_string(text.to_owned()) } else { to_raw_value(text) };
        let value = value.map_err(|e| format!("the key: {e}"))?;
        let object: BTreeMap<&str, Box<RawValue>> = [(field.name().as_str(), value)].into();
        serde_json::to_vec(&object).map_err(|e| format!("the key: {e}"))
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Boolean | DataType::Decimal128(..) | DataType::Decimal256(..))
}
