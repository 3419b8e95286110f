//! From a schema to columns.
use std::sync::Arc;

use thyme_core::arrow::datatypes::extension::EXTENSION_TYPE_NAME_KEY;
use thyme_core::arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use thyme_core::{Error, Kind, Result};

use super::column::{Column, Values};
use super::decimal::Decimals;
use super::input::DEPTH;
use super::instant::Instants;
use super::nested::{List, Map};
use super::object::Object;
use super::varying::Varying;
use crate::TimestampUnit;

/// The columns of an object with these fields, which lies `depth` deep itself.
///
/// # Errors
/// `Unsupported` for a type that cannot be read, `Config` for a name that is there twice.
pub(crate) fn object(fields: &Fields, depth: u32, unit: TimestampUnit) -> Result<Object> {
    let mut columns: Vec<(String, Column)> = Vec::with_capacity(fields.len());
    let mut names = std::collections::HashSet::new();
    for field in fields {
        if !names.insert(field.name()) {
            return Err(Error::new(Kind::Config, format!("two fields are named `{}`", field.name())));
        }
        columns.push((field.name().clone(), column(field, depth, unit)?));
    }
    Ok(Object::new(columns, depth))
}

/// The column of `field`, in something that lies `depth` deep.
fn column(field: &Field, depth: u32, unit: TimestampUnit) -> Result<Column> {
    let extension = field.metadata().get(EXTENSION_TYPE_NAME_KEY).map(String::as_str);
    if depth + 1 >= DEPTH {
        return Err(unsupported(field, "nested more than 126 deep"));
    }
    let values = match field.data_type() {
        DataType::Boolean => Values::Bool(Vec::new()),
        DataType::Int8 => Values::Int8(Vec::new()),
        DataType::Int16 => Values::Int16(Vec::new()),
        DataType::Int32 => Values::Int32(Vec::new()),
        DataType::Int64 => Values::Int64(Vec::new()),
        DataType::UInt8 => Values::UInt8(Vec::new()),
        DataType::UInt16 => Values::UInt16(Vec::new()),
        DataType::UInt32 => Values::UInt32(Vec::new()),
        DataType::UInt64 => Values::UInt64(Vec::new()),
        DataType::Float32 => Values::Float32(Vec::new()),
        DataType::Float64 => Values::Float64(Vec::new()),
        DataType::Utf8 if extension == Some("arrow.json") => Values::Json(Varying::default(), depth),
        DataType::Utf8 => Values::Text(Varying::default()),
        DataType::Binary => Values::Bytes(Varying::default()),
        DataType::FixedSizeBinary(16) if extension == Some("arrow.uuid") => Values::Uuid(Vec::new()),
        DataType::Decimal128(precision, scale) => Values::Decimal128(Decimals::new(*precision, *scale)),
        DataType::Decimal256(precision, scale) => Values::Decimal256(Decimals::new(*precision, *scale)),
        DataType::Date32 => Values::Date(Vec::new()),
        DataType::Time64(TimeUnit::Microsecond) => Values::Time(Vec::new()),
        DataType::Timestamp(scale @ (TimeUnit::Microsecond | TimeUnit::Nanosecond), zone)
            if zone.as_deref().is_none_or(|zone| zone == "+00:00") =>
        {
            Values::Instant(Instants::new(*scale == TimeUnit::Nanosecond, zone.clone(), unit))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => Values::Interval(Vec::new()),
        DataType::List(item) => {
            let items = column(item, depth + 1, unit).map_err(|error| error.context("field", field.name()))?;
            Values::List(Box::new(List::new(items, Arc::clone(item), depth + 1)))
        }
        DataType::Struct(fields) => {
            let inner = object(fields, depth + 1, unit).map_err(|error| error.context("field", field.name()))?;
            Values::Struct(Box::new(inner), fields.clone())
        }
        DataType::Map(entries, ordered) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 && pair[0].data_type() == &DataType::Utf8 => {
                let values = column(&pair[1], depth + 1, unit).map_err(|error| error.context("field", field.name()))?;
                Values::Map(Box::new(Map::new(values, Arc::clone(entries), pair.clone(), *ordered, depth + 1)))
            }
            _ => return Err(unsupported(field, "the keys of a map must be strings")),
        },
        _ => return Err(unsupported(field, "JSON cannot be read into this type")),
    };
    Ok(Column::new(values, !field.is_nullable()))
}

fn unsupported(field: &Field, why: &str) -> Error {
    Error::new(Kind::Unsupported, format!("field `{}` has the type {}: {why}", field.name(), field.data_type()))
}
