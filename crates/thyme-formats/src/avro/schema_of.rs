//! The Avro schema of columns.
use serde_json::{Value, json};
use thyme_core::arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use thyme_core::{Error, Kind, Result, field_type};

/// The schema of records of these columns, called `name`, as text. A column that may be null is a union whose first branch and
/// default is null; unsigned integers are of the next wider type, those of 64 bits decimals; intervals are text.
///
/// # Errors
/// `Schema` for a column whose name is no Avro name, or whose type has no counterpart.
pub fn schema_of(name: &str, columns: &Schema) -> Result<String> {
    let mut valid: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '_' }).collect();
    if valid.split('.').any(|part| part.is_empty() || part.starts_with(|c: char| c.is_ascii_digit())) {
        valid = format!("_{}", valid.replace('.', "_"));
    }
    record(&valid, columns.fields()).map(|schema| schema.to_string())
}

fn record(name: &str, fields: &Fields) -> Result<Value> {
    let field = |field: &std::sync::Arc<Field>| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !field.name().chars().all(plain) || !field.name().starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let text = format!("avro has no name `{}`: letters, digits and `_` alone, no digit in front", field.name());
            return Err(Error::new(Kind::Schema, text));
        }
        let short = name.rsplit('.').next().unwrap_or(name);
        let schema = optional(&format!("{short}_{}", field.name()), field)?;
        let mut object = json!({ "name": field.name(), "type": schema });
        if let (true, Some(object)) = (field.is_nullable(), object.as_object_mut()) {
            object.insert("default".into(), Value::Null);
        }
        Ok(object)
    };
    let fields = fields.iter().map(field).collect::<Result<Vec<_>>>()?;
    Ok(json!({ "type": "record", "name": name, "fields": fields }))
}

/// `name` is that of a record within.
fn optional(name: &str, field: &Field) -> Result<Value> {
    let schema = required(name, field)?;
    Ok(if field.is_nullable() { json!(["null", schema]) } else { schema })
}

fn required(name: &str, field: &Field) -> Result<Value> {
    let logical = |kind: &str, logical: &str| json!({ "type": kind, "logicalType": logical });
    let decimal =
        |precision: u8, scale: i8| json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale });
    Ok(match field.data_type() {
        DataType::Boolean => json!("boolean"),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => json!("int"),
        DataType::Int64 | DataType::UInt32 => json!("long"),
        DataType::UInt64 => decimal(20, 0),
        DataType::Float32 => json!("float"),
        DataType::Float64 => json!("double"),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) if *scale >= 0 => {
            decimal(*precision, *scale)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => json!("string"),
        DataType::Binary => json!("bytes"),
        DataType::FixedSizeBinary(16) if field_type::is(field, field_type::UUID) => logical("string", "uuid"),
        DataType::Date32 => logical("int", "date"),
        DataType::Time64(TimeUnit::Microsecond) => logical("long", "time-micros"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => logical("long", "timestamp-micros"),
        DataType::Timestamp(TimeUnit::Microsecond, None) => logical("long", "local-timestamp-micros"),
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => logical("long", "timestamp-nanos"),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => logical("long", "local-timestamp-nanos"),
        DataType::Interval(_) => json!("string"),
        DataType::List(item) => json!({ "type": "array", "items": optional(&format!("{name}_item"), item)? }),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 && pair[0].data_type() == &DataType::Utf8 => {
                json!({ "type": "map", "values": optional(&format!("{name}_value"), &pair[1])? })
            }
            _ => return Err(unsupported(field)),
        },
        DataType::Struct(fields) => record(name, fields)?,
        _ => return Err(unsupported(field)),
    })
}

pub(super) fn unsupported(field: &Field) -> Error {
    let text = format!("a {} cannot be written as avro; convert it first", field.data_type());
    Error::new(Kind::Unsupported, text).context("field", field.name())
}
