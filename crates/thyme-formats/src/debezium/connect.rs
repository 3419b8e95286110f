//! Kafka Connect's schemas, as its JSON converter writes them in front of each message.
use std::sync::Arc;

use serde_json::Value;
use thyme_core::arrow::datatypes::{DataType, Field, Fields, Schema};
use thyme_core::drift::Drift;
use thyme_core::{Result, field_type};

use super::how::How;
use super::members::{Members, To};
use crate::logical::{Meaning, connect};
use crate::scan::Unknown;

/// The fields of a struct.
pub(super) fn fields(schema: &Value) -> &[Value] {
    schema.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The name of a schema.
pub(super) fn name(schema: &Value) -> &str {
    schema.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// The field of a struct with a name.
pub(super) fn field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    fields(schema).iter().find(|field| called(field) == name)
}

fn called(field: &Value) -> &str {
    field.get("field").and_then(Value::as_str).unwrap_or_default()
}

/// How a row described by `schema` is read into the columns of `declared`, or how the two differ.
pub(super) fn row(schema: &Value, declared: &Schema, unknown: Unknown) -> Result<Members, Drift> {
    let mut drift = Drift::default();
    let mut members = Vec::new();
    for field in fields(schema) {
        let name = called(field);
        let to = match (declared.fields().find(name), name) {
            (Some((place, column)), _) => match how(field, column) {
                Some(how) => To::Column(place, how),
                None => {
                    let wanted = field_type::name(&column.as_ref().clone().with_nullable(true));
                    drift.changed.push((name.to_owned(), wanted, word(field).unwrap_or_else(|| "json".into())));
                    continue;
                }
            },
            (None, "__op") => To::Op,
            (None, "__deleted") => To::Deleted,
            (None, name) => {
                if unknown == Unknown::Report && !name.starts_with("__") {
                    drift.added.extend(column(field).ok().map(Arc::new));
                }
                To::Nowhere
            }
        };
        members.push((name.to_owned(), to));
    }
    let gone =
        declared.fields().iter().filter(|field| !field.is_nullable() && !members.iter().any(|(name, _)| name == field.name()));
    drift.removed.extend(gone.map(|field| field.name().clone()).filter(|name| !drift.changed.iter().any(|(c, ..)| c == name)));
    if drift == Drift::default() { Ok(Members::new(members)) } else { Err(drift) }
}

/// How the key columns among `declared` are read from a key described by `schema`; other fields are passed over.
pub(super) fn key(schema: &Value, declared: &Schema, places: &[usize]) -> Members {
    let to = |field: &Value| {
        let (place, column) = declared.fields().find(called(field)).filter(|(place, _)| places.contains(place))?;
        Some((called(field).to_owned(), To::Column(place, how(field, column)?)))
    };
    Members::new(fields(schema).iter().filter_map(to).collect())
}

/// How values of `schema` are read into a column of `field`; `None`: they do not fit.
fn how(schema: &Value, field: &Field) -> Option<How> {
    let (kind, name) = (schema.get("type")?.as_str()?, name(schema));
    if field_type::is(field, field_type::JSON) && kind != "string" {
        return Some(How::Plain);
    }
    let data_type = field.data_type();
    let scale = parameter(schema, "scale");
    let meaning = connect::meaning(name, scale);
    let fitting = |meaning: Meaning| meaning.fits(field).then_some(meaning);
    match kind {
        "boolean" => fitting(Meaning::Bool).map(|_| How::Plain),
        "int8" | "int16" | "int32" | "int64" => match fitting(meaning.unwrap_or(Meaning::Int))? {
            Meaning::Int if data_type.is_integer() => Some(How::Plain),
            meaning => Some(How::Int(meaning)),
        },
        "float" | "float32" => fitting(Meaning::Float).map(|_| How::Float),
        "double" | "float64" => fitting(Meaning::Float).filter(|_| *data_type == DataType::Float64).map(|_| How::Float),
        "string" => match fitting(meaning.unwrap_or(Meaning::Text))? {
            Meaning::Text if *data_type == DataType::Utf8 && !field_type::is(field, field_type::JSON) => Some(How::Plain),
            meaning => Some(How::Text(meaning)),
        },
        "bytes" => fitting(meaning.unwrap_or(Meaning::Bytes)).map(How::Base64),
        "struct" if name == connect::VARIABLE_DECIMAL => fitting(Meaning::Decimal(0)).map(|_| How::Variable),
        "struct" => match data_type {
            DataType::Struct(columns) => Some(How::Struct(inner(fields(schema), columns)?)),
            _ => None,
        },
        "array" => match data_type {
            DataType::List(item) => Some(How::List(Box::new(how(schema.get("items")?, item)?))),
            _ => None,
        },
        "map" => match data_type {
            DataType::Map(entries, _) => {
                let keys = schema.get("keys").and_then(|keys| keys.get("type")?.as_str());
                let (DataType::Struct(pair), Some("string")) = (entries.data_type(), keys) else { return None };
                Some(How::Map(Box::new(how(schema.get("values")?, pair.get(1)?)?)))
            }
            _ => None,
        },
        _ => None,
    }
}

fn inner(members: &[Value], columns: &Fields) -> Option<Members> {
    let one = |member: &Value| {
        let to = match columns.find(called(member)) {
            Some((place, column)) => To::Column(place, how(member, column)?),
            None => To::Nowhere,
        };
        Some((called(member).to_owned(), to))
    };
    Some(Members::new(members.iter().map(one).collect::<Option<_>>()?))
}

fn parameter<T: std::str::FromStr>(schema: &Value, name: &str) -> Option<T> {
    schema.get("parameters")?.get(name)?.as_str()?.parse().ok()
}

/// The columns of the rows that `schema` describes, all nullable; what the unwrapping transform adds is left out.
///
/// # Errors
/// `Config` for what cannot be a column.
pub(super) fn columns(schema: &Value) -> Result<Schema> {
    let fields = fields(schema).iter().filter(|field| !called(field).starts_with("__"));
    Ok(Schema::new(fields.map(column).collect::<Result<Vec<_>>>()?))
}

fn column(schema: &Value) -> Result<Field> {
    let word = word(schema).unwrap_or_else(|| "json".into());
    field_type::parse(called(schema), &word).or_else(|_| field_type::parse(called(schema), "json"))
}

/// The type as the pipeline file writes it; `None`: there is none but `json`.
fn word(schema: &Value) -> Option<String> {
    if let Some(word) =
        connect::type_word(name(schema), parameter(schema, "scale"), parameter(schema, "connect.decimal.precision"))
    {
        return Some(word);
    }
    let plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    Some(match schema.get("type")?.as_str()? {
        "boolean" => "bool".into(),
        number @ ("int8" | "int16" | "int32" | "int64" | "float32" | "float64" | "string" | "bytes") => number.into(),
        "float" => "float32".into(),
        "double" => "float64".into(),
        "array" => format!("list<{}>", word(schema.get("items")?)?),
        "map" if schema.get("keys")?.get("type")? == "string" => format!("map<string,{}>", word(schema.get("values")?)?),
        "struct" => {
            let one = |field: &Value| plain(called(field)).then(|| Some(format!("{}:{}", called(field), word(field)?))).flatten();
            let fields = fields(schema).iter().map(one).collect::<Option<Vec<_>>>()?;
            if fields.is_empty() {
                return None;
            }
            format!("struct<{}>", fields.join(","))
        }
        _ => return None,
    })
}
