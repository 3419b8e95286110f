//! Avro types as columns.
use thyme_core::arrow::datatypes::{Field, Schema, TimeUnit};
use thyme_core::{Error, Kind, Result, field_type};

use super::schema::{AvroSchema, DEPTH, Member, Shape};
use crate::logical::{Meaning, connect};

/// The columns of the records of an Avro schema, all nullable: the nearest type of the contract for each field. What has no
/// type of its own, a union of several or a record within itself, is `json`.
///
/// # Errors
/// `Schema` for a schema that is none, or none of a record.
pub fn columns(schema: &str, references: &[String]) -> Result<Schema> {
    let schema = AvroSchema::parse(schema, references)?;
    let members = schema.record(schema.root).ok_or_else(|| Error::new(Kind::Schema, "the avro schema is not one of a record"))?;
    of(&schema, members)
}

/// The columns of the fields of a record.
pub(crate) fn of(schema: &AvroSchema, members: &[Member]) -> Result<Schema> {
    Ok(Schema::new(members.iter().map(|member| field(schema, member)).collect::<Result<Vec<_>>>()?))
}

fn field(schema: &AvroSchema, member: &Member) -> Result<Field> {
    let word = word(schema, member.node, 0).unwrap_or_else(|| "json".into());
    // A name within it may not be one that types are written with.
    field_type::parse(&member.name, &word).or_else(|_| field_type::parse(&member.name, "json"))
}

/// What a type is called in messages.
pub(crate) fn name(schema: &AvroSchema, place: usize) -> String {
    word(schema, place, 0).unwrap_or_else(|| "json".into())
}

/// The type as the pipeline file writes it.
fn word(schema: &AvroSchema, place: usize, depth: usize) -> Option<String> {
    let node = schema.node(place).filter(|_| depth < DEPTH / 4)?;
    if let Some(name) = &node.connect
        && let Some(word) = connect::type_word(name, node.scale, node.precision)
    {
        return Some(word);
    }
    let plain = match &node.shape {
        Shape::Null => "string",
        Shape::Boolean => "bool",
        Shape::Int => "int32",
        Shape::Long => "int64",
        Shape::Float => "float32",
        Shape::Double => "float64",
        Shape::Text | Shape::Fixed(16) if node.uuid => "uuid",
        Shape::Bytes | Shape::Fixed(_) => "bytes",
        Shape::Text | Shape::Enum(_) => "string",
        Shape::List(items) => return Some(format!("list<{}>", word(schema, *items, depth + 1)?)),
        Shape::Map(values) => return Some(format!("map<string,{}>", word(schema, *values, depth + 1)?)),
        Shape::Union(branches) => {
            let mut set = branches.iter().filter(|branch| !matches!(schema.node(**branch).map(|n| &n.shape), Some(Shape::Null)));
            let only = set.next();
            return match (only, set.next()) {
                (Some(only), None) => word(schema, *only, depth + 1),
                (None, _) => Some("string".into()),
                _ => None,
            };
        }
        Shape::Record(members) => {
            let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let one = |member: &Member| {
                let word = word(schema, member.node, depth + 1).filter(|_| plain(&member.name))?;
                Some(format!("{}:{word}", member.name))
            };
            let members = members.iter().map(one).collect::<Option<Vec<_>>>()?;
            return (!members.is_empty()).then(|| format!("struct<{}>", members.join(",")));
        }
    };
    Some(match node.meaning {
        Some(Meaning::Decimal(scale)) => return connect::decimal_word(node.precision, scale),
        Some(Meaning::Date) => "date".into(),
        Some(Meaning::Time(_)) => "time".into(),
        Some(Meaning::Stamp(TimeUnit::Nanosecond)) => "timestamp_ns".into(),
        Some(Meaning::Stamp(_)) if node.local => "timestamp_ntz".into(),
        Some(Meaning::Stamp(_)) => "timestamp".into(),
        Some(Meaning::AvroDuration) => "interval".into(),
        _ => plain.into(),
    })
}
