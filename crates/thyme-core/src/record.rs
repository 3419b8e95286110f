//! Typed rows of a dataset, both ways.
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::{Fields, SchemaRef};

use crate::{Batch, Dataset, Error, Kind, Position, Result};

/// A struct that is a row of a dataset: what `#[derive(Dataset)]` implements.
pub trait Record: Sized + Send + 'static {
    /// The dataset of these rows: its name, columns, key and event time.
    ///
    /// # Errors
    /// `Schema` when the marked fields don't make a dataset (a float as key).
    fn dataset() -> Result<Dataset>;

    /// The columns of `rows`, in the order of [`Record::dataset`].
    ///
    /// # Errors
    /// `Data` for a value its column can't hold.
    fn columns(rows: Vec<Self>) -> Result<Vec<ArrayRef>>;

    /// The rows of columns, found by name.
    ///
    /// # Errors
    /// `Schema` for a column that is missing or of another type, `Data` for a null in a field that is not an `Option`.
    fn rows(columns: &StructArray) -> Result<Vec<Self>>;
}

impl Batch {
    /// New rows of a derived dataset.
    ///
    /// # Errors
    /// As [`Record::dataset`] and [`Record::columns`].
    pub fn from_rows<T: Record>(rows: Vec<T>, position: Position) -> Result<Self> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let schema: SchemaRef = T::dataset()?.columns().clone();
        let rows = RecordBatch::try_new_with_options(schema, T::columns(rows)?, &options)
            .map_err(|e| Error::new(Kind::Unexpected, "the columns do not fit their dataset").source(e))?;
        Ok(Self::insert(rows, position))
    }

    /// These rows as values of a derived dataset.
    ///
    /// # Errors
    /// As [`Record::rows`].
    pub fn rows<T: Record>(&self) -> Result<Vec<T>> {
        let (schema, columns, len) = (self.rows.schema(), self.rows.columns().to_vec(), self.rows.num_rows());
        let columns = StructArray::try_new_with_length(Fields::clone(schema.fields()), columns, None, len);
        T::rows(&columns.map_err(|e| Error::new(Kind::Unexpected, "the batch is not whole").source(e))?)
    }
}

/// The column `name` of `columns` as values of a field: what the derive calls.
///
/// # Errors
/// As [`Record::rows`].
pub fn column<T: crate::Value>(columns: &StructArray, name: &str) -> Result<Vec<T>> {
    let column = columns.column_by_name(name).ok_or_else(|| Error::new(Kind::Schema, format!("there is no column `{name}`")))?;
    let values = T::read(column).map_err(|e| e.context("column", name))?;
    let whole = |(row, value): (usize, Option<T>)| {
        value.or_else(T::of_null).ok_or_else(|| Error::new(Kind::Data, format!("`{name}` is null in row {row}")))
    };
    debug_assert_eq!(values.len(), column.len());
    values.into_iter().enumerate().map(whole).collect()
}
