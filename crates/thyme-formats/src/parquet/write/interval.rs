//! Intervals in Parquet, which has a type for them that stops at milliseconds: they are stored as ISO 8601 text, as in JSON.
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::IntervalMonthDayNanoType;
use thyme_core::arrow::array::{Array, ArrayRef, LargeListArray, ListArray, MapArray, RecordBatch, StringArray, StructArray};
use thyme_core::arrow::buffer::IntervalMonthDayNano;
use thyme_core::arrow::datatypes::{ArrowError, DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef};

/// The columns as they are stored; `None` where that is as they are.
pub(super) fn stored(schema: &SchemaRef) -> Option<SchemaRef> {
    let fields = all(schema.fields())?;
    Some(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

/// `rows` as columns of `schema`, which [`stored`] returned.
pub(super) fn store(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = rows.columns().iter().zip(schema.fields()).map(|(column, field)| text(column, field));
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

fn all(fields: &Fields) -> Option<Fields> {
    let new: Vec<_> = fields.iter().map(one).collect();
    new.iter()
        .any(Option::is_some)
        .then(|| new.into_iter().zip(fields).map(|(new, old)| new.unwrap_or_else(|| Arc::clone(old))).collect())
}

fn one(field: &FieldRef) -> Option<FieldRef> {
    let data_type = match field.data_type() {
        DataType::Interval(IntervalUnit::MonthDayNano) => DataType::Utf8,
        DataType::List(item) => DataType::List(one(item)?),
        DataType::LargeList(item) => DataType::LargeList(one(item)?),
        DataType::Map(entries, sorted) => DataType::Map(one(entries)?, *sorted),
        DataType::Struct(fields) => DataType::Struct(all(fields)?),
        _ => return None,
    };
    Some(Arc::new(Field::clone(field).with_data_type(data_type)))
}

fn text(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == field.data_type() {
        return Ok(Arc::clone(array));
    }
    Ok(match (array.data_type(), field.data_type()) {
        (DataType::Interval(_), _) => {
            let intervals = array.as_primitive::<IntervalMonthDayNanoType>();
            Arc::new(intervals.iter().map(|value| value.map(iso)).collect::<StringArray>())
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = text(list.values(), item)?;
            Arc::new(ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?)
        }
        (DataType::LargeList(_), DataType::LargeList(item)) => {
            let list = array.as_list::<i64>();
            let values = text(list.values(), item)?;
            Arc::new(LargeListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?)
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else { return Ok(Arc::clone(array)) };
            let pairs = structure(map.entries(), fields)?;
            Arc::new(MapArray::try_new(Arc::clone(entries), map.offsets().clone(), pairs, map.nulls().cloned(), *sorted)?)
        }
        (DataType::Struct(_), DataType::Struct(fields)) => Arc::new(structure(array.as_struct(), fields)?),
        _ => Arc::clone(array),
    })
}

fn structure(array: &StructArray, fields: &Fields) -> Result<StructArray, ArrowError> {
    let columns = array.columns().iter().zip(fields).map(|(column, field)| text(column, field));
    StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, array.nulls().cloned())
}

/// `P14M3DT-5.000000001S`: each part with its own sign.
fn iso(interval: IntervalMonthDayNano) -> String {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    let (sign, nanos) = (if nanoseconds < 0 { "-" } else { "" }, nanoseconds.unsigned_abs());
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    match rest {
        0 => format!("P{months}M{days}DT{sign}{seconds}S"),
        _ => format!("P{months}M{days}DT{sign}{seconds}.{rest:09}S"),
    }
}
