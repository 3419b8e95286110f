//! Columns in the types that Debezium sends, and what Kafka Connect calls those.
use std::sync::Arc;

use serde_json::{Value, json};
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, Time64MicrosecondType, TimestampMicrosecondType,
    TimestampNanosecondType, UInt64Type,
};
use thyme_core::arrow::array::{
    Array, ArrayRef, BinaryArray, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray,
};
use thyme_core::arrow::buffer::{BooleanBuffer, i256};
use thyme_core::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use thyme_core::{Error, Kind, Result, field_type};

use crate::json_out::{Cells, JsonWriteOptions};
use crate::logical::twos_complement;

/// What PostgreSQL's connector writes for its infinities.
const INFINITIES: [(i64, i64, &str); 2] =
    [(i64::MAX, 9_223_372_036_825_200_000, "infinity"), (i64::MIN, -9_223_372_036_832_400_000, "-infinity")];

/// A column as it is written: what JSON has other words for becomes numbers and bytes.
pub(super) fn array(field: &Field, array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Decimal128(..) => binary(array.as_primitive::<Decimal128Type>().iter().map(|v| v.map(i256::from_i128))),
        DataType::Decimal256(..) => binary(array.as_primitive::<Decimal256Type>().iter()),
        DataType::UInt64 => binary(array.as_primitive::<UInt64Type>().iter().map(|v| v.map(|v| i256::from_i128(v.into())))),
        DataType::Date32 => {
            let dates = array.as_primitive::<Date32Type>();
            Arc::new(Int32Array::new(dates.values().clone(), dates.nulls().cloned()))
        }
        DataType::Time64(TimeUnit::Microsecond) => int64::<Time64MicrosecondType>(array),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            let values = array.as_primitive::<TimestampMicrosecondType>();
            let named = |value: i64| INFINITIES.iter().find(|(ours, ..)| *ours == value).map_or(value, |(_, theirs, _)| *theirs);
            Arc::new(Int64Array::new(values.values().iter().map(|value| named(*value)).collect(), values.nulls().cloned()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => zoned(field, array)?,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => int64::<TimestampNanosecondType>(array),
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let items = self::array(item, list.values())?;
            let item = Arc::new(Field::new(item.name(), items.data_type().clone(), true));
            Arc::new(ListArray::try_new(item, list.offsets().clone(), items, list.nulls().cloned()).map_err(broken)?)
        }
        DataType::Struct(fields) => {
            let members = array.as_struct();
            let arrays = fields.iter().zip(members.columns()).map(|(f, a)| self::array(f, a)).collect::<Result<Vec<_>>>()?;
            if arrays.is_empty() {
                return Ok(Arc::clone(array));
            }
            let fields = fields.iter().zip(&arrays).map(|(f, a)| Field::new(f.name(), a.data_type().clone(), true));
            let fields: Fields = fields.collect();
            Arc::new(StructArray::try_new(fields, arrays, members.nulls().cloned()).map_err(broken)?)
        }
        DataType::Map(entries, ordered) => {
            let map = array.as_map();
            let DataType::Struct(pair) = entries.data_type() else { return Err(unsupported(field)) };
            let [key, value] = pair.as_ref() else { return Err(unsupported(field)) };
            let values = self::array(value, map.values())?;
            let pair = Fields::from(vec![key.as_ref().clone(), Field::new(value.name(), values.data_type().clone(), true)]);
            let inner = StructArray::try_new(pair.clone(), vec![Arc::clone(map.keys()), values], None).map_err(broken)?;
            let entries = Arc::new(Field::new(entries.name(), DataType::Struct(pair), false));
            Arc::new(MapArray::try_new(entries, map.offsets().clone(), inner, map.nulls().cloned(), *ordered).map_err(broken)?)
        }
        _ => Arc::clone(array),
    })
}

fn int64<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef) -> ArrayRef {
    let values = array.as_primitive::<T>();
    Arc::new(Int64Array::new(values.values().clone(), values.nulls().cloned()))
}

fn binary(values: impl Iterator<Item = Option<i256>>) -> ArrayRef {
    let digits = |value: i256| {
        let (bytes, start) = twos_complement(value);
        bytes.get(start..).unwrap_or_default().to_vec()
    };
    Arc::new(values.map(|value| value.map(digits)).collect::<BinaryArray>())
}

/// Instants are text anyway; with an infinity among them the column becomes text here.
fn zoned(field: &Field, array: &ArrayRef) -> Result<ArrayRef> {
    let values = array.as_primitive::<TimestampMicrosecondType>();
    let name = |value: i64| INFINITIES.iter().find(|(ours, ..)| *ours == value).map(|(_, _, name)| *name);
    if !values.values().iter().any(|value| name(*value).is_some()) {
        return Ok(Arc::clone(array));
    }
    let cells = Cells::new(field, array)?;
    let text = |row: usize| match (values.is_null(row), name(values.value(row))) {
        (true, _) => None,
        (_, Some(name)) => Some(name.to_owned()),
        _ => {
            let mut text = [0; 64];
            let end = cells.write(row, &mut text, 0, &JsonWriteOptions::default()).ok()?;
            text.get(1..end.checked_sub(1)?).and_then(|text| str::from_utf8(text).ok()).map(str::to_owned)
        }
    };
    Ok(Arc::new((0..values.len()).map(text).collect::<StringArray>()))
}

/// The column with the placeholder in the cells of `unset`; `None`: it is of a type that has no room for it.
pub(super) fn with_placeholder(array: &ArrayRef, unset: &BooleanBuffer, placeholder: &[u8]) -> Option<ArrayRef> {
    let hidden = |row: usize| row < unset.len() && unset.value(row);
    match array.data_type() {
        DataType::Utf8 => {
            let placeholder = str::from_utf8(placeholder).ok()?;
            let values = array.as_string::<i32>().iter().enumerate();
            let values = values.map(|(row, value)| if hidden(row) { Some(placeholder) } else { value });
            Some(Arc::new(values.collect::<StringArray>()))
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>().iter().enumerate();
            let values = values.map(|(row, value)| if hidden(row) { Some(placeholder) } else { value });
            Some(Arc::new(values.collect::<BinaryArray>()))
        }
        _ => None,
    }
}

/// The schema of a column as Kafka Connect writes it.
pub(super) fn connect(field: &Field) -> Result<Value> {
    let mut schema = schema(field)?;
    if let Some(object) = schema.as_object_mut() {
        object.insert("optional".into(), field.is_nullable().into());
        object.insert("field".into(), field.name().as_str().into());
    }
    Ok(schema)
}

fn schema(field: &Field) -> Result<Value> {
    let named = |kind: &str, name: &str| json!({ "type": kind, "name": name, "version": 1 });
    let decimal = |precision: u8, scale: i8| {
        json!({ "type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "version": 1,
            "parameters": { "scale": scale.to_string(), "connect.decimal.precision": precision.to_string() } })
    };
    let inner = |field: &Field| {
        let mut inner = schema(field)?;
        if let Some(object) = inner.as_object_mut() {
            object.insert("optional".into(), field.is_nullable().into());
        }
        Ok::<_, Error>(inner)
    };
    Ok(match field.data_type() {
        DataType::Boolean => json!({ "type": "boolean" }),
        DataType::Int8 => json!({ "type": "int8" }),
        DataType::Int16 | DataType::UInt8 => json!({ "type": "int16" }),
        DataType::Int32 | DataType::UInt16 => json!({ "type": "int32" }),
        DataType::Int64 | DataType::UInt32 => json!({ "type": "int64" }),
        DataType::UInt64 => decimal(20, 0),
        DataType::Float32 => json!({ "type": "float" }),
        DataType::Float64 => json!({ "type": "double" }),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => decimal(*precision, *scale),
        DataType::Utf8 if field_type::is(field, field_type::JSON) => named("string", "io.debezium.data.Json"),
        DataType::Utf8 => json!({ "type": "string" }),
        DataType::Binary => json!({ "type": "bytes" }),
        DataType::FixedSizeBinary(16) => named("string", "io.debezium.data.Uuid"),
        DataType::Date32 => named("int32", "io.debezium.time.Date"),
        DataType::Time64(TimeUnit::Microsecond) => named("int64", "io.debezium.time.MicroTime"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => named("string", "io.debezium.time.ZonedTimestamp"),
        DataType::Timestamp(TimeUnit::Microsecond, None) => named("int64", "io.debezium.time.MicroTimestamp"),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => named("int64", "io.debezium.time.NanoTimestamp"),
        DataType::Interval(_) => named("string", "io.debezium.time.Interval"),
        DataType::List(item) => json!({ "type": "array", "items": inner(item)? }),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                json!({ "type": "map", "keys": { "type": "string", "optional": false }, "values": inner(&pair[1])? })
            }
            _ => return Err(unsupported(field)),
        },
        DataType::Struct(fields) => {
            json!({ "type": "struct", "fields": fields.iter().map(|field| connect(field)).collect::<Result<Vec<_>>>()? })
        }
        _ => return Err(unsupported(field)),
    })
}

fn unsupported(field: &Field) -> Error {
    let text = format!("debezium has no counterpart of a {}; convert it first", field.data_type());
    Error::new(Kind::Unsupported, text).context("field", field.name())
}

fn broken(error: thyme_core::arrow::datatypes::ArrowError) -> Error {
    Error::new(Kind::Unexpected, "the debezium encoder made an invalid column").source(error)
}
