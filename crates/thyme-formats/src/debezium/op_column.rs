//! Changes as events: what happened in a column of its own.
use std::sync::Arc;

use thyme_core::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use thyme_core::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use thyme_core::{Batch, Error, Kind, Result};

/// The rows of `batch` with what happened to each, `insert`, `update`, `delete` or `truncate`, in a last column called `name`.
///
/// # Errors
/// `Schema` when there is a column of that name.
pub fn with_op(batch: &Batch, name: &str) -> Result<RecordBatch> {
    let schema = batch.rows.schema();
    if schema.index_of(name).is_ok() {
        return Err(Error::new(
            Kind::Schema,
            format!("the column for the operation would be called `{name}`, as one of the dataset is"),
        ));
    }
    let rows = batch.rows.num_rows();
    let ops: StringArray = (0..rows).map(|row| Some(batch.ops.at(row).name())).collect();
    let added: FieldRef = Arc::new(Field::new(name, DataType::Utf8, false));
    let fields: Vec<FieldRef> = schema.fields().iter().cloned().chain([added]).collect();
    let columns: Vec<ArrayRef> = batch.rows.columns().iter().cloned().chain([Arc::new(ops) as ArrayRef]).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|e| Error::new(Kind::Unexpected, "the column of operations does not fit its batch").source(e))
}
