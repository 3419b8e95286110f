//! What values of a column look like, and the type that takes them all.
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use thyme_core::arrow::datatypes::extension::{EXTENSION_TYPE_METADATA_KEY, EXTENSION_TYPE_NAME_KEY};
use thyme_core::arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::text::{date, timestamp};

/// What is common to the values seen.
#[derive(Debug, PartialEq)]
pub(super) enum Shape {
    Null,
    Bool,
    /// Fits an int64; the flag says whether one was negative.
    Int(bool),
    /// Fits a uint64, but not all fit an int64.
    Big,
    Float,
    Date,
    Timestamp,
    Text,
    List(Box<Self>),
    /// Fields in the order of their first appearance.
    Object(Vec<(String, Self)>),
    Mixed,
}

impl Shape {
    /// Makes this the shape of both.
    pub(super) fn merge(&mut self, other: Self) {
        let this = std::mem::replace(self, Self::Null);
        *self = match (this, other) {
            (Self::Null, shape) | (shape, Self::Null) => shape,
            (Self::Int(a), Self::Int(b)) => Self::Int(a || b),
            (Self::Int(false) | Self::Big, Self::Int(false) | Self::Big) => Self::Big,
            (Self::Int(_) | Self::Big | Self::Float, Self::Int(_) | Self::Big | Self::Float) => Self::Float,
            (Self::Date, Self::Date) => Self::Date,
            (Self::Date | Self::Timestamp, Self::Date | Self::Timestamp) => Self::Timestamp,
            (Self::Date | Self::Timestamp | Self::Text, Self::Date | Self::Timestamp | Self::Text) => Self::Text,
            (Self::Bool, Self::Bool) => Self::Bool,
            (Self::List(mut items), Self::List(more)) => {
                items.merge(*more);
                Self::List(items)
            }
            (Self::Object(mut fields), Self::Object(more)) => {
                merge_fields(&mut fields, more);
                Self::Object(fields)
            }
            _ => Self::Mixed,
        };
    }

    /// The field that takes values of this shape.
    pub(super) fn field(self, name: impl Into<String>) -> Field {
        let (data_type, json) = match self {
            Self::Null | Self::Text => (DataType::Utf8, false),
            Self::Bool => (DataType::Boolean, false),
            Self::Int(_) => (DataType::Int64, false),
            Self::Big => (DataType::UInt64, false),
            Self::Float => (DataType::Float64, false),
            Self::Date => (DataType::Date32, false),
            Self::Timestamp => (DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())), false),
            Self::List(items) => (DataType::List(Arc::new(items.field(Field::LIST_FIELD_DEFAULT_NAME))), false),
            Self::Object(fields) if !fields.is_empty() => {
                (DataType::Struct(fields.into_iter().map(|(name, shape)| shape.field(name)).collect::<Fields>()), false)
            }
            Self::Object(_) | Self::Mixed => (DataType::Utf8, true),
        };
        let field = Field::new(name, data_type, true);
        if !json {
            return field;
        }
        let pairs = [(EXTENSION_TYPE_NAME_KEY, "arrow.json"), (EXTENSION_TYPE_METADATA_KEY, "")];
        field.with_metadata(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect::<HashMap<_, _>>())
    }
}

/// Fields of one object after another mostly come in the same order.
fn merge_fields(fields: &mut Vec<(String, Shape)>, more: Vec<(String, Shape)>) {
    let mut next = 0;
    for (name, shape) in more {
        let at = if fields.get(next).is_some_and(|(known, _)| *known == name) {
            Some(next)
        } else {
            fields.iter().position(|(known, _)| *known == name)
        };
        match at.and_then(|at| fields.get_mut(at).map(|field| (at, field))) {
            Some((at, (_, known))) => {
                known.merge(shape);
                next = at + 1;
            }
            None => {
                fields.push((name, shape));
                next = fields.len();
            }
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shapes)
    }
}

struct Shapes;

impl<'de> Visitor<'de> for Shapes {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Bool)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Int(value < 0))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(if i64::try_from(value).is_ok() { Shape::Int(false) } else { Shape::Big })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Float)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        let text = text.as_bytes();
        Ok(if date::parse(text).is_ok() {
            Shape::Date
        } else if timestamp::micros(text).is_ok() && timestamp::local_micros(text).is_err() {
            Shape::Timestamp
        } else {
            Shape::Text
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::Null;
        while let Some(item) = items.next_element()? {
            shape.merge(item);
        }
        Ok(Shape::List(Box::new(shape)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut fields: Vec<(String, Shape)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        while let Some((name, shape)) = entries.next_entry::<String, Shape>()? {
            // Of a repeated key the last counts.
            match places.get(&name).and_then(|at| fields.get_mut(*at)) {
                Some(field) => field.1 = shape,
                None => {
                    places.insert(name.clone(), fields.len());
                    fields.push((name, shape));
                }
            }
        }
        Ok(Shape::Object(fields))
    }
}
