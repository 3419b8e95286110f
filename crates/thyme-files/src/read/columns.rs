//! The columns of the dataset: those that records hold, and those about the file.
use std::sync::Arc;

use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray};
use thyme_core::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use thyme_core::{Dataset, Error, Kind, Result, field_type};

use super::options::MetadataColumn;
use super::part::Part;
use super::state::Seen;

/// Where each column of the dataset comes from.
#[derive(Debug)]
pub(super) struct Columns {
    all: SchemaRef,
    data: SchemaRef,
    declared: SchemaRef,
    from: Vec<From>,
}

#[derive(Clone, Copy, Debug)]
enum From {
    Record(usize),
    File(MetadataColumn),
}

impl MetadataColumn {
    /// Its field.
    #[must_use]
    pub fn field(self) -> FieldRef {
        let (name, data_type) = match self {
            Self::Path => ("_path", DataType::Utf8),
            Self::LastModified => ("_last_modified", field_type::timestamp()),
            Self::Size => ("_size", DataType::Int64),
            Self::Row => ("_row", DataType::Int64),
        };
        Arc::new(Field::new(name, data_type, true))
    }
}

impl Columns {
    /// # Errors
    /// `Schema` when the dataset has a column about the file with another type.
    pub(super) fn new(dataset: &Dataset, metadata: &[MetadataColumn]) -> Result<Self> {
        let (mut from, mut data) = (Vec::new(), Vec::<FieldRef>::new());
        for field in dataset.columns().fields() {
            let about = metadata.iter().find(|column| column.field().name() == field.name());
            match about {
                Some(column) if column.field().data_type() == field.data_type() => from.push(From::File(*column)),
                Some(column) => {
                    let want = field_type::name(&column.field());
                    let text =
                        format!("the column `{}` about the file is a {want}, not a {}", field.name(), field_type::name(field));
                    return Err(Error::new(Kind::Schema, text).context("dataset", dataset.name()));
                }
                None => {
                    from.push(From::Record(data.len()));
                    data.push(Arc::clone(field));
                }
            }
        }
        let declared: Vec<_> = data.iter().filter_map(|field| dataset.field(field.name()).cloned()).collect();
        let (data, declared) = (Arc::new(Schema::new(data)), Arc::new(Schema::new(declared)));
        Ok(Self { all: Arc::clone(dataset.columns()), data, declared, from })
    }

    /// The columns that records hold.
    pub(super) fn data(&self) -> &SchemaRef {
        &self.data
    }

    /// The same as they are declared.
    pub(super) fn declared(&self) -> &SchemaRef {
        &self.declared
    }

    /// The rows of `part` with all columns; `seen` stands before the part.
    pub(super) fn complete(&self, part: &Part, seen: &Seen, path: &str) -> Result<RecordBatch> {
        let count = part.rows.num_rows();
        let number = |row: u64| i64::try_from(seen.at.records + row + 1).unwrap_or(i64::MAX);
        let arrays = self.from.iter().map(|from| -> ArrayRef {
            match from {
                From::Record(column) => Arc::clone(part.rows.column(*column)),
                From::File(MetadataColumn::Path) => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(path, count))),
                From::File(MetadataColumn::LastModified) => {
                    let times = TimestampMicrosecondArray::from_value(seen.modified, count);
                    Arc::new(times.with_timezone(field_type::UTC))
                }
                From::File(MetadataColumn::Size) => {
                    Arc::new(Int64Array::from_value(i64::try_from(seen.size).unwrap_or(i64::MAX), count))
                }
                From::File(MetadataColumn::Row) => {
                    let mut bad = part.bad.iter().map(|bad| bad.row).peekable();
                    let mut before = 0;
                    let rows = (0..count).map(|row| {
                        while bad.next_if(|bad| *bad <= row).is_some() {
                            before += 1;
                        }
                        number(row as u64 + before)
                    });
                    Arc::new(Int64Array::from_iter_values(rows))
                }
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.all), arrays.collect(), &options);
        rows.map_err(|e| Error::new(Kind::Unexpected, "the columns of a file are not those of the dataset").source(e))
    }
}
