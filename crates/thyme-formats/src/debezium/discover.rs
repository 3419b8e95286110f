//! The columns of a table from what comes with its changes.
use serde_json::Value;
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Error, Kind, Result};

use super::cache::Cache;
use super::connect;
use super::wrap::{self, Known};
use crate::avro::schema::{AvroSchema, Shape};
use crate::avro::types;
use crate::json::input::Input;

/// The columns and the key of the rows in a JSON message, from the schema that came with it. `None`: it has none, or is no
/// change of a row (a transaction, a heartbeat); the next one may be.
///
/// # Errors
/// `Data` when it is no JSON, `Config` for a column that has no type.
pub fn discover_json(key: Option<&[u8]>, value: &[u8]) -> Result<Option<(Schema, Vec<String>)>> {
    let Some(schema) = schema(value)? else { return Ok(None) };
    let field = |name: &str| connect::field(&schema, name);
    let row = match field("after").or_else(|| field("before")) {
        Some(row) if field("op").is_some() => row,
        _ if connect::name(&schema).starts_with("io.debezium.") => return Ok(None),
        _ => &schema,
    };
    let columns = connect::columns(row)?;
    if columns.fields().is_empty() {
        return Ok(None);
    }
    let key = key.map(self::schema).transpose()?.flatten();
    let names = key.iter().flat_map(connect::fields).filter_map(|field| field.get("field")?.as_str());
    let key = names.filter(|name| columns.index_of(name).is_ok()).map(str::to_owned).collect();
    Ok(Some((columns, key)))
}

/// The schema in front of a message.
fn schema(message: &[u8]) -> Result<Option<Value>> {
    let mut input = Input::new(message, false);
    let start = input.blank(0);
    if input.byte(start) != Some(b'{') {
        return Ok(None);
    }
    let wrong = |what: String| Error::new(Kind::Data, format!("a message that is not json: {what}"));
    let parts = wrap::parts(&mut input, start, &mut Cache::<()>::new()).map_err(|_| wrong(input.fault()))?;
    let Some(Known::New(range)) = parts.and_then(|parts| parts.schema) else { return Ok(None) };
    serde_json::from_slice(message.get(range).unwrap_or_default()).map(Some).map_err(|e| wrong(e.to_string()))
}

/// The columns and the key of the rows of changes in Avro, from the schemas of a topic's values and keys; `references` are the
/// schemas both refer to.
///
/// # Errors
/// `Schema` for schemas that are none, or none of records.
pub fn discover_avro(key: Option<&str>, value: &str, references: &[String]) -> Result<(Schema, Vec<String>)> {
    let record = || Error::new(Kind::Schema, "the avro schema is not one of a record");
    let value = AvroSchema::parse(value, references)?;
    let members = value.record(value.root).ok_or_else(record)?;
    let side = members.iter().find(|member| member.name == "after" || member.name == "before");
    let row = side.filter(|_| members.iter().any(|member| member.name == "op")).and_then(|side| value.record(side.node));
    let columns = types::of(&value, row.unwrap_or(members))?;
    let kept: Vec<_> = columns.fields().iter().filter(|field| !field.name().starts_with("__")).cloned().collect();
    let columns = Schema::new(kept);
    let Some(key) = key else { return Ok((columns, Vec::new())) };
    let key = AvroSchema::parse(key, references)?;
    let names = match key.node(key.root).map(|node| &node.shape) {
        Some(Shape::Record(members)) => members.iter().map(|member| member.name.clone()),
        _ => return Ok((columns, Vec::new())),
    };
    let names = names.filter(|name| columns.index_of(name).is_ok()).collect();
    Ok((columns, names))
}
