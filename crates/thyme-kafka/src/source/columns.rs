//! The columns of the dataset: those that values hold, and those about the record.
use std::sync::Arc;

use thyme_core::arrow::array::builder::{BinaryBuilder, StringBuilder};
use thyme_core::arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use thyme_core::arrow::datatypes::extension::EXTENSION_TYPE_NAME_KEY;
use thyme_core::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use thyme_core::{Dataset, Error, Kind, Result, field_type};

use super::block::{Block, Texts, Wanted, append_headers, headers_builder, headers_type};
use crate::client::Partition;
use crate::config::{Format, KafkaSourceConfig, MetadataColumn};

/// Where each column of the dataset comes from.
#[derive(Debug)]
pub(super) struct Columns {
    all: SchemaRef,
    data: SchemaRef,
    from: Vec<From>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Value(usize),
    About(About),
}

/// What is known about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Column(MetadataColumn),
    /// The bytes of the value.
    Raw,
}

/// The columns about records that a source adds.
pub(super) fn about(config: &KafkaSourceConfig) -> Vec<FieldRef> {
    list(config).into_iter().map(|about| about.field(config.key_format)).collect()
}

fn list(config: &KafkaSourceConfig) -> Vec<About> {
    let raw = config.store_raw_value.then_some(About::Raw);
    config.metadata.iter().copied().map(About::Column).chain(raw).collect()
}

impl About {
    fn field(self, key: Format) -> FieldRef {
        let (name, data_type) = match self {
            Self::Column(MetadataColumn::Key) => {
                let text = matches!(key, Format::String | Format::Json | Format::Csv);
                ("_key", if text { DataType::Utf8 } else { DataType::Binary })
            }
            Self::Column(MetadataColumn::Partition) => ("_partition", DataType::Int32),
            Self::Column(MetadataColumn::Offset) => ("_offset", DataType::Int64),
            Self::Column(MetadataColumn::Timestamp) => ("_timestamp", field_type::timestamp()),
            Self::Column(MetadataColumn::Headers) => ("_headers", headers_type()),
            Self::Column(MetadataColumn::Topic) => ("_topic", DataType::Utf8),
            Self::Raw => ("_value", DataType::Binary),
        };
        let field = Field::new(name, data_type, true);
        let json = self == Self::Column(MetadataColumn::Key) && key == Format::Json;
        let of = |name: &str| [(EXTENSION_TYPE_NAME_KEY.to_owned(), name.to_owned())].into();
        Arc::new(if json { field.with_metadata(of("arrow.json")) } else { field })
    }
}

impl Columns {
    /// # Errors
    /// `Schema` when the dataset has a column about the record with another type.
    pub(super) fn new(dataset: &Dataset, config: &KafkaSourceConfig) -> Result<Self> {
        let (mut from, mut data) = (Vec::new(), Vec::<FieldRef>::new());
        for field in dataset.columns().fields() {
            let found = list(config).into_iter().find(|about| about.field(config.key_format).name() == field.name());
            match found.map(|about| (about, about.field(config.key_format))) {
                Some((about, want)) if want.data_type() == field.data_type() => from.push(From::About(about)),
                Some((_, want)) => {
                    let (name, want, is) = (field.name(), field_type::name(&want), field_type::name(field));
                    let text = format!("the column `{name}` about the record is a {want}, not a {is}");
                    return Err(Error::new(Kind::Schema, text).context("dataset", dataset.name()));
                }
                None => {
                    from.push(From::Value(data.len()));
                    data.push(Arc::clone(field));
                }
            }
        }
        Ok(Self { all: Arc::clone(dataset.columns()), data: Arc::new(Schema::new(data)), from })
    }

    /// The columns that values hold.
    pub(super) fn data(&self) -> &SchemaRef {
        &self.data
    }

    /// Where a column that values hold is among all.
    pub(super) fn place(&self, data: usize) -> Option<usize> {
        self.from.iter().position(|from| *from == From::Value(data))
    }

    /// All of them, in the order of the dataset.
    pub(super) fn all(&self) -> &SchemaRef {
        &self.all
    }

    /// What they want of each record.
    pub(super) fn wanted(&self) -> Wanted {
        let has = |column| self.from.contains(&From::About(About::Column(column)));
        Wanted { keys: has(MetadataColumn::Key), times: has(MetadataColumn::Timestamp), headers: has(MetadataColumn::Headers) }
    }

    /// `data` with the columns about its rows: row `i` is the record `records[i]` of the block, or record `i` without a list.
    pub(super) fn complete(
        &self,
        data: &RecordBatch,
        block: &Block,
        records: Option<&[usize]>,
        at: &Partition,
    ) -> Result<RecordBatch> {
        let count = data.num_rows();
        let of = |row: usize| records.map_or(Some(row), |records| records.get(row).copied()).unwrap_or(usize::MAX);
        let rows = || (0..count).map(of);
        let arrays = self.from.iter().map(|from| -> ArrayRef {
            let column = match from {
                From::Value(column) => return Arc::clone(data.column(*column)),
                From::About(About::Raw) => return bytes(&block.values, rows()),
                From::About(About::Column(column)) => column,
            };
            match column {
                MetadataColumn::Key => {
                    let text = self.all.field_with_name("_key").is_ok_and(|field| field.data_type() == &DataType::Utf8);
                    if text { texts(&block.keys, rows()) } else { bytes(&block.keys, rows()) }
                }
                MetadataColumn::Partition => Arc::new(Int32Array::from_value(at.1, count)),
                MetadataColumn::Offset => Arc::new(rows().map(|row| block.offsets.get(row).copied()).collect::<Int64Array>()),
                MetadataColumn::Timestamp => {
                    let micros = |row| block.times.get(row).copied().flatten().and_then(|ms: i64| ms.checked_mul(1000));
                    let times = rows().map(micros).collect::<TimestampMicrosecondArray>();
                    Arc::new(times.with_timezone(field_type::UTC))
                }
                MetadataColumn::Headers => {
                    let mut list = headers_builder();
                    let none = Vec::new();
                    rows().for_each(|row| append_headers(&mut list, block.headers.get(row).unwrap_or(&none)));
                    Arc::new(list.finish())
                }
                MetadataColumn::Topic => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(at.0.as_str(), count))),
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.all), arrays.collect(), &options);
        rows.map_err(|e| Error::new(Kind::Unexpected, "the columns of a topic are not those of the dataset").source(e))
    }
}

fn bytes(of: &Texts, rows: impl Iterator<Item = usize>) -> ArrayRef {
    let mut column = BinaryBuilder::new();
    rows.for_each(|row| column.append_option(of.get(row)));
    Arc::new(column.finish())
}

/// Bytes that are no UTF-8 are shown as far as they are.
fn texts(of: &Texts, rows: impl Iterator<Item = usize>) -> ArrayRef {
    let mut column = StringBuilder::new();
    rows.for_each(|row| column.append_option(of.get(row).map(String::from_utf8_lossy)));
    Arc::new(column.finish())
}
