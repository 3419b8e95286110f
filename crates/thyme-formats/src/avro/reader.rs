//! The schema of the reader: what stands in for fields that a writer does not have.
use std::collections::HashMap;

use serde_json::Value;
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Error, Kind, Result};

use super::AvroOptions;
use super::decoder::no_record;
use super::plan::{Plan, compile};
use super::read::{self, Failed};
use super::schema::{AvroSchema, Member, Shape};
use super::wire::Wire;
use crate::json::object::Object;

/// Defaults and aliases of the reader's schema.
#[derive(Debug)]
pub(crate) struct Reader {
    schema: AvroSchema,
    /// By column: how to read the default, and the default as a message has it.
    defaults: HashMap<usize, (Plan, Vec<u8>)>,
    /// From a writer's name to the reader's.
    aliases: HashMap<String, String>,
    names: Vec<String>,
}

impl Reader {
    pub(super) fn new(text: &str, references: &[String], columns: &Schema, options: &AvroOptions) -> Result<Self> {
        let schema = AvroSchema::parse(text, references)?;
        let (mut defaults, mut aliases, mut names) = (HashMap::new(), HashMap::new(), Vec::new());
        for member in schema.record(schema.root).ok_or_else(no_record)? {
            names.push(member.name.clone());
            aliases.extend(member.aliases.iter().map(|alias| (alias.clone(), member.name.clone())));
            let (Some((place, field)), Some(default)) = (columns.fields().find(&member.name), &member.default) else { continue };
            let Some(plan) = compile(&schema, member.node, field, options.timestamp_unit) else { continue };
            let mut bytes = Vec::new();
            write(&schema, member.node, default, &mut bytes, 0).ok_or_else(|| {
                Error::new(Kind::Schema, format!("the default of the avro field `{}` is not of its type", member.name))
            })?;
            defaults.insert(place, (plan, bytes));
        }
        Ok(Self { schema, defaults, aliases, names })
    }

    /// Whether there is a default for the column at `place`.
    pub(super) fn has(&self, place: usize) -> bool {
        self.defaults.contains_key(&place)
    }

    /// What the reader calls a field that it does not know by its name.
    pub(super) fn renamed(&self, member: &Member) -> Option<&str> {
        if self.names.contains(&member.name) {
            return None;
        }
        self.aliases.get(&member.name).map(String::as_str)
    }

    /// Pushes the default of the column at `place`.
    pub(super) fn fill(&self, place: usize, root: &mut Object) -> Result<(), Failed> {
        let (Some((plan, bytes)), Some(column)) = (self.defaults.get(&place), root.column(place)) else { return Ok(()) };
        read::value(plan, &mut Wire::new(bytes), column, &self.schema)
    }
}

/// Appends a default as a message has it; `None`: it is not of its type.
fn write(schema: &AvroSchema, place: usize, value: &Value, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    let node = schema.node(place).filter(|_| depth < super::schema::DEPTH)?;
    match (&node.shape, value) {
        (Shape::Null, Value::Null) => {}
        (Shape::Boolean, Value::Bool(value)) => out.push(u8::from(*value)),
        (Shape::Int | Shape::Long, value) => long(value.as_i64()?, out),
        (Shape::Float, value) => out.extend_from_slice(&(value.as_f64()? as f32).to_le_bytes()),
        (Shape::Double, value) => out.extend_from_slice(&value.as_f64()?.to_le_bytes()),
        (Shape::Text, Value::String(text)) => {
            long(text.len() as i64, out);
            out.extend_from_slice(text.as_bytes());
        }
        // Bytes are written as the characters of the same numbers.
        (Shape::Bytes | Shape::Fixed(_), Value::String(text)) => {
            let bytes = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<_>>>()?;
            match &node.shape {
                Shape::Fixed(size) if *size != bytes.len() => return None,
                Shape::Fixed(_) => {}
                _ => long(bytes.len() as i64, out),
            }
            out.extend_from_slice(&bytes);
        }
        (Shape::Enum(symbols), Value::String(symbol)) => {
            long(symbols.iter().position(|known| **known == **symbol)? as i64, out);
        }
        (Shape::List(items), Value::Array(values)) => {
            if !values.is_empty() {
                long(values.len() as i64, out);
                values.iter().try_for_each(|value| write(schema, *items, value, out, depth + 1))?;
            }
            out.push(0);
        }
        (Shape::Map(items), Value::Object(values)) => {
            if !values.is_empty() {
                long(values.len() as i64, out);
                for (key, value) in values {
                    long(key.len() as i64, out);
                    out.extend_from_slice(key.as_bytes());
                    write(schema, *items, value, out, depth + 1)?;
                }
            }
            out.push(0);
        }
        (Shape::Record(members), Value::Object(values)) => {
            for member in members {
                let value = values.get(&member.name).or(member.default.as_ref())?;
                write(schema, member.node, value, out, depth + 1)?;
            }
        }
        (Shape::Union(branches), value) => {
            let start = out.len();
            for (number, branch) in branches.iter().enumerate() {
                long(number as i64, out);
                if write(schema, *branch, value, out, depth + 1).is_some() {
                    return Some(());
                }
                out.truncate(start);
            }
            return None;
        }
        _ => return None,
    }
    Some(())
}

/// Appends a number as Avro writes it.
pub(crate) fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = (value << 1) as u64 ^ (value >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
