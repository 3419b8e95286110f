//! A schema from a sample.
use std::sync::Arc;

use thyme_core::arrow::datatypes::{Field, Schema};
use thyme_core::drift::Drift;
use thyme_core::{Error, Kind, Result};

use super::ArraySplitter;
use super::shape::Shape;

/// The schema of the records in `sample`: JSON Lines, one array, or values one after another. The sample may be cut anywhere.
///
/// Columns come in the order of their first appearance, all nullable: `bool`, `int64` (`uint64` if one is too large),
/// `float64`, `timestamp` or `date` if all strings are of that shape, `string`, lists and structs of these. A column that was
/// always null is a `string`; one whose values do not go together, or are empty objects, is `json`, which takes any value.
/// Records that cannot be read are passed over.
///
/// # Errors
/// `Data` if there is no record that can be read.
pub fn infer(sample: &[u8]) -> Result<Schema> {
    let sample = crate::bom::strip_bom(sample);
    let mut shape = Shape::Null;
    let first = sample.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    // An object over several lines may hold lines that are objects too.
    if !matches!(serde_json::from_slice(first), Ok(Shape::Object(_))) {
        let records = ArraySplitter::new(usize::MAX).split(sample, true).records;
        records.into_iter().filter_map(|range| sample.get(range)).for_each(|record| see(&mut shape, record));
    }
    if shape == Shape::Null {
        sample.split(|byte| *byte == b'\n').for_each(|line| see(&mut shape, line));
    }
    schema(shape)
}

fn see(shape: &mut Shape, record: &[u8]) {
    if let Ok(seen @ Shape::Object(_)) = serde_json::from_slice::<Shape>(record) {
        shape.merge(seen);
    }
}

fn schema(shape: Shape) -> Result<Schema> {
    match shape {
        Shape::Object(fields) => Ok(Schema::new(fields.into_iter().map(|(name, shape)| shape.field(name)).collect::<Vec<_>>())),
        _ => Err(Error::new(Kind::Data, "no JSON object in the sample to take a schema from")),
    }
}

/// The columns of `record` that `schema` does not have, nulls left out; `None` if there are none.
pub(crate) fn added(record: &[u8], schema: &Schema) -> Result<Option<Drift>> {
    let shape = serde_json::from_slice(record)
        .map_err(|error| Error::new(Kind::Unexpected, "serde_json refused what the JSON scanner took").source(error))?;
    let Shape::Object(fields) = shape else { return Ok(None) };
    let new = fields.into_iter().filter(|(name, shape)| !matches!(shape, Shape::Null) && schema.index_of(name).is_err());
    let added: Vec<Arc<Field>> = new.map(|(name, shape)| Arc::new(shape.field(name))).collect();
    Ok((!added.is_empty()).then(|| Drift { added, ..Drift::default() }))
}
