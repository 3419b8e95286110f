//! Avro schemas: the JSON text as a list of types that refer to one another by their place.
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use thyme_core::arrow::datatypes::TimeUnit;
use thyme_core::{Error, Kind, Result};

use crate::logical::{Meaning, connect};

/// How deep a schema, or a value of a schema that contains itself, may nest.
pub(super) const DEPTH: usize = 64;
const NODES: usize = 1 << 16;

/// A schema with everything it refers to.
#[derive(Debug)]
pub(crate) struct AvroSchema {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: usize,
}

/// A type.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    /// What values mean beyond their shape.
    pub(crate) meaning: Option<Meaning>,
    /// `local-timestamp-…`
    pub(crate) local: bool,
    pub(crate) uuid: bool,
    pub(crate) precision: Option<u32>,
    pub(crate) scale: Option<i32>,
    /// The name that Kafka Connect gives it.
    pub(crate) connect: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Arc<[Box<str>]>),
    List(usize),
    Map(usize),
    Record(Vec<Member>),
    Union(Vec<usize>),
}

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) node: usize,
    pub(crate) default: Option<Value>,
}

impl AvroSchema {
    /// Reads `text`, after the schemas of `references`, whose names it may use.
    ///
    /// # Errors
    /// `Schema` saying what is wrong with it.
    pub(crate) fn parse(text: &str, references: &[String]) -> Result<Self> {
        let mut parser = Parser { nodes: Vec::new(), names: HashMap::new() };
        for reference in references {
            parser.node(&json(reference)?, "", 0)?;
        }
        let root = parser.node(&json(text)?, "", 0)?;
        Ok(Self { nodes: parser.nodes, root })
    }

    pub(crate) fn node(&self, place: usize) -> Option<&Node> {
        self.nodes.get(place)
    }

    /// The fields of the record at a place, or of the only record of a union there.
    pub(crate) fn record(&self, place: usize) -> Option<&[Member]> {
        match &self.node(place)?.shape {
            Shape::Record(members) => Some(members),
            Shape::Union(branches) => {
                let mut records = branches.iter().filter_map(|branch| match &self.node(*branch)?.shape {
                    Shape::Record(members) => Some(members.as_slice()),
                    _ => None,
                });
                records.next().filter(|_| records.next().is_none())
            }
            _ => None,
        }
    }
}

fn json(text: &str) -> Result<Value> {
    // The name of a type alone is a schema too, in quotes or, as some registries hand it out, without.
    serde_json::from_str(text).or_else(|error| {
        let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
        if bare { Ok(Value::String(text.into())) } else { Err(wrong("an avro schema that is not json").source(error)) }
    })
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(Kind::Schema, what)
}

struct Parser {
    nodes: Vec<Node>,
    names: HashMap<String, usize>,
}

impl Parser {
    fn node(&mut self, value: &Value, space: &str, depth: usize) -> Result<usize> {
        if depth > DEPTH || self.nodes.len() > NODES {
            return Err(wrong("an avro schema that nests too deep or is too large"));
        }
        match value {
            Value::String(name) => self.named(name, space),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.node(branch, space, depth + 1)).collect::<Result<_>>()?;
                Ok(self.push(Shape::Union(branches), &Map::new()))
            }
            Value::Object(object) => match object.get("type") {
                Some(Value::String(name)) => self.object(name, object, space, depth),
                // A type in a type: `{"type": {"type": "string"}}`.
                Some(inner @ (Value::Object(_) | Value::Array(_))) => self.node(inner, space, depth + 1),
                _ => Err(wrong("a type of an avro schema has no `type`")),
            },
            _ => Err(wrong("a type of an avro schema is neither a name, a list nor an object")),
        }
    }

    fn named(&mut self, name: &str, space: &str) -> Result<usize> {
        if let Some(shape) = primitive(name) {
            return Ok(self.push(shape, &Map::new()));
        }
        let full = if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") };
        let found = self.names.get(&full).or_else(|| self.names.get(name));
        found.copied().ok_or_else(|| wrong(format!("the avro schema names the type `{name}`, which it does not define")))
    }

    fn object(&mut self, name: &str, object: &Map<String, Value>, space: &str, depth: usize) -> Result<usize> {
        let shape = match name {
            "record" | "error" => return self.record(object, space, depth),
            "enum" => {
                let symbols =
                    object.get("symbols").and_then(Value::as_array).ok_or_else(|| wrong("an avro enum without symbols"))?;
                Shape::Enum(symbols.iter().filter_map(Value::as_str).map(Box::from).collect())
            }
            "fixed" => {
                let size = object.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
                Shape::Fixed(size.filter(|size| *size <= 1 << 30).ok_or_else(|| wrong("an avro fixed without a size"))?)
            }
            "array" => {
                let items = object.get("items").ok_or_else(|| wrong("an avro array without items"))?;
                Shape::List(self.node(items, space, depth + 1)?)
            }
            "map" => {
                let values = object.get("values").ok_or_else(|| wrong("an avro map without values"))?;
                Shape::Map(self.node(values, space, depth + 1)?)
            }
            name => match primitive(name) {
                Some(shape) => shape,
                None => return self.named(name, space),
            },
        };
        let defines = matches!(shape, Shape::Enum(_) | Shape::Fixed(_));
        let place = self.push(shape, object);
        if defines {
            self.define(object, space, place)?;
        }
        Ok(place)
    }

    fn record(&mut self, object: &Map<String, Value>, space: &str, depth: usize) -> Result<usize> {
        let place = self.push(Shape::Record(Vec::new()), object);
        let space = self.define(object, space, place)?;
        let fields = object.get("fields").and_then(Value::as_array).ok_or_else(|| wrong("an avro record without fields"))?;
        let mut members: Vec<Member> = Vec::with_capacity(fields.len());
        let mut seen = std::collections::HashSet::new();
        for field in fields {
            let name = field.get("name").and_then(Value::as_str).ok_or_else(|| wrong("a field of an avro record has no name"))?;
            if !seen.insert(name) {
                return Err(wrong(format!("an avro record has two fields `{name}`")));
            }
            let aliases = field.get("aliases").and_then(Value::as_array).into_iter().flatten();
            let aliases = aliases.filter_map(Value::as_str).map(str::to_owned).collect();
            let value = field.get("type").ok_or_else(|| wrong(format!("the avro field `{name}` has no type")))?;
            let node = match value {
                // Attributes may stand beside the type of the field instead of inside of it.
                Value::String(_) if field.get("logicalType").is_some() || field.get("connect.name").is_some() => {
                    self.node(field, &space, depth + 1)?
                }
                value => self.node(value, &space, depth + 1)?,
            };
            members.push(Member { name: name.to_owned(), aliases, node, default: field.get("default").cloned() });
        }
        if let Some(node) = self.nodes.get_mut(place) {
            node.shape = Shape::Record(members);
        }
        Ok(place)
    }

    /// Notes the name of a type; the namespace inside of it.
    fn define(&mut self, object: &Map<String, Value>, space: &str, place: usize) -> Result<String> {
        let name = object.get("name").and_then(Value::as_str).ok_or_else(|| wrong("a type of an avro schema has no name"))?;
        let space = object.get("namespace").and_then(Value::as_str).unwrap_or(space);
        let (full, space) = match name.rsplit_once('.') {
            Some((space, _)) => (name.to_owned(), space),
            None if space.is_empty() => (name.to_owned(), space),
            None => (format!("{space}.{name}"), space),
        };
        self.names.insert(full, place);
        Ok(space.to_owned())
    }

    fn push(&mut self, shape: Shape, object: &Map<String, Value>) -> usize {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let parameters = object.get("connect.parameters");
        let number = |name: &str| match parameters.and_then(|p| p.get(name)).or_else(|| object.get(name)) {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_i64(),
            None => None,
        };
        let scale = number("scale").and_then(|scale| i32::try_from(scale).ok());
        let precision = number("connect.decimal.precision").or_else(|| object.get("precision").and_then(Value::as_i64));
        let logical = text("logicalType").unwrap_or_default();
        let name = text("connect.name");
        let meaning = name.and_then(|name| connect::meaning(name, scale)).or_else(|| meaning(&shape, logical, scale));
        let meaning = meaning.filter(|meaning| carries(&shape, *meaning));
        self.nodes.push(Node {
            meaning,
            local: logical.starts_with("local-timestamp"),
            uuid: logical == "uuid" || name == Some("io.debezium.data.Uuid"),
            precision: precision.and_then(|precision| u32::try_from(precision).ok()),
            scale,
            connect: name.map(str::to_owned),
            shape,
        });
        self.nodes.len() - 1
    }
}

fn primitive(name: &str) -> Option<Shape> {
    Some(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "string" => Shape::Text,
        _ => return None,
    })
}

/// What a logical type makes of a shape; one that does not go with it is passed over, as Avro wants.
fn meaning(shape: &Shape, logical: &str, scale: Option<i32>) -> Option<Meaning> {
    Some(match (shape, logical) {
        (Shape::Bytes | Shape::Fixed(_), "decimal") => Meaning::Decimal(scale.unwrap_or(0)),
        (Shape::Int, "date") => Meaning::Date,
        (Shape::Int, "time-millis") => Meaning::Time(TimeUnit::Millisecond),
        (Shape::Long, "time-micros") => Meaning::Time(TimeUnit::Microsecond),
        (Shape::Long, "timestamp-millis" | "local-timestamp-millis") => Meaning::Stamp(TimeUnit::Millisecond),
        (Shape::Long, "timestamp-micros" | "local-timestamp-micros") => Meaning::Stamp(TimeUnit::Microsecond),
        (Shape::Long, "timestamp-nanos" | "local-timestamp-nanos") => Meaning::Stamp(TimeUnit::Nanosecond),
        (Shape::Fixed(12), "duration") => Meaning::AvroDuration,
        _ => return None,
    })
}

/// Whether values of that shape can mean that.
fn carries(shape: &Shape, meaning: Meaning) -> bool {
    match meaning {
        Meaning::Decimal(_) => matches!(shape, Shape::Bytes | Shape::Fixed(_)),
        Meaning::Date | Meaning::Time(_) | Meaning::Stamp(_) | Meaning::DebeziumStamp(_) | Meaning::Duration(_) => {
            matches!(shape, Shape::Int | Shape::Long)
        }
        Meaning::Text | Meaning::LocalText => matches!(shape, Shape::Text),
        Meaning::AvroDuration => matches!(shape, Shape::Fixed(12)),
        Meaning::Bool | Meaning::Int | Meaning::Float | Meaning::Bytes => true,
    }
}
