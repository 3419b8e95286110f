//! The rows that the suite works with.
use std::ops::Range;
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::{DataType, Field, Schema};
use thyme_core::{Dataset, Error, Kind, Result};

/// One row, as a harness makes it readable in its system. Its shape there is the connector's own business, as long as the
/// batches that come back have the column `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Unique, growing in the order in which rows are added. Tells which row it is.
    pub id: i64,
    /// The value of the cursor column of a polled table. May be shared by rows, or missing.
    pub tick: Option<i64>,
    /// Something to read.
    pub text: String,
}

impl Row {
    /// The row `id`, with a tick of the same value.
    #[must_use]
    pub fn new(id: i64) -> Self {
        Self { id, tick: Some(id), text: format!("row {id}, \"quoted\", näïve 🌿") }
    }

    /// The rows of a range of ids.
    #[must_use]
    pub fn range(ids: Range<i64>) -> Vec<Self> {
        ids.map(Self::new).collect()
    }

    /// The same row with another tick.
    #[must_use]
    pub fn at(self, tick: Option<i64>) -> Self {
        Self { tick, ..self }
    }
}

/// The dataset of [`batch`]: `id int64!` (the key), `tick int64`, `text string`.
///
/// # Errors
/// None in practice: the columns are fixed.
pub fn dataset(name: &str) -> Result<Dataset> {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("tick", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
    ];
    Dataset::new(name, Arc::new(Schema::new(fields)))?.with_key(["id"])
}

/// The rows as a batch of [`dataset`].
///
/// # Errors
/// None in practice: the columns are fixed.
pub fn batch(rows: &[Row]) -> Result<RecordBatch> {
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))),
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.tick))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.text))),
    ];
    let columns = RecordBatch::try_new(Arc::clone(dataset("rows")?.columns()), columns);
    columns.map_err(|e| Error::new(Kind::Unexpected, "the suite's rows do not fit its dataset").source(e))
}

/// The ids of a batch, by its column `id`.
///
/// # Errors
/// `Schema` when there is no such column of int64, or an id is null.
pub fn ids(rows: &RecordBatch) -> Result<Vec<i64>> {
    let column = rows.column_by_name("id").and_then(|column| column.as_primitive_opt::<Int64Type>());
    let column = column.ok_or_else(|| Error::new(Kind::Schema, "the suite needs a column `id` of int64"))?;
    if column.null_count() > 0 {
        return Err(Error::new(Kind::Schema, "a row came back without its id"));
    }
    Ok(column.values().to_vec())
}
