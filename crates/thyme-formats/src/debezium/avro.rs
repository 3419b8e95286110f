//! Messages in Avro, each in the frame of a schema registry.
use std::collections::HashMap;
use std::sync::Arc;

use thyme_core::arrow::datatypes::{SchemaRef, TimeUnit};
use thyme_core::drift::Drift;
use thyme_core::{Dataset, Error, Op, Result};

use super::json::Done;
use super::options::{Message, Options};
use super::peek::unavailable;
use super::rows::Rows;
use crate::TimestampUnit;
use crate::avro::plan::{Plan, Step, compile};
use crate::avro::read::{self, Failed};
use crate::avro::resolve;
use crate::avro::schema::{AvroSchema, Member, Shape};
use crate::avro::wire::Wire;
use crate::avro::{AvroOptions, schema_id};
use crate::json::object::Object;

const FRAME: &str = "no frame of a schema registry (a zero byte and four bytes of an id)";

/// What is known of the messages of a topic.
#[derive(Debug)]
pub(super) struct Avro {
    declared: SchemaRef,
    options: AvroOptions,
    /// What stands for a value that was not sent.
    placeholder: Vec<u8>,
    schemas: HashMap<u32, Known>,
}

/// A schema, and what was found out of it as that of a value and of a key.
#[derive(Debug)]
struct Known {
    schema: AvroSchema,
    value: Option<What>,
    key: Option<Vec<Step>>,
}

/// What messages of a schema are.
#[derive(Debug)]
enum What {
    /// Envelopes: their members, and the columns of the rows in them.
    Envelope(Vec<Part>, Vec<Step>),
    /// Rows, with the places of `__op` and `__deleted` among their members.
    Row(Vec<Step>, Option<usize>, Option<usize>),
    Other(&'static str),
}

/// A member of an envelope, with the place of its type.
#[derive(Debug)]
enum Part {
    After(usize),
    Before(usize),
    Op(usize),
    Other(usize),
}

impl Avro {
    pub(super) fn new(dataset: &Dataset, options: &Options) -> Self {
        let timestamp_unit = match dataset.timestamp_unit() {
            TimeUnit::Second => TimestampUnit::Seconds,
            TimeUnit::Millisecond => TimestampUnit::Milliseconds,
            _ => TimestampUnit::Microseconds,
        };
        Self {
            declared: Arc::clone(dataset.schema()),
            options: AvroOptions { unknown: options.unknown, timestamp_unit, ..AvroOptions::default() },
            placeholder: options.unavailable.clone(),
            schemas: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, id: u32, schema: &str, references: &[String]) -> Result<()> {
        let schema = AvroSchema::parse(schema, references)?;
        self.schemas.insert(id, Known { schema, value: None, key: None });
        Ok(())
    }

    /// Reads a value into the row in the making.
    pub(super) fn value(&mut self, message: &Message<'_>, value: &[u8], rows: &mut Rows) -> Result<Done, String> {
        let id = schema_id(value).ok_or(FRAME)?;
        let Some(known) = self.schemas.get_mut(&id) else { return Ok(Done::NeedsSchema(id)) };
        if known.value.is_none() {
            match learn(&known.schema, &self.declared, &self.options) {
                Ok(what) => known.value = Some(what),
                Err(error) => {
                    return match error.as_drift() {
                        Some(drift) => Ok(Done::Drift(drift.clone())),
                        None => Err(error.to_string()),
                    };
                }
            }
        }
        let mut wire = Wire::new(value.get(5..).unwrap_or_default());
        let done = match &known.value {
            Some(What::Envelope(parts, steps)) => {
                envelope(&known.schema, parts, steps, &mut wire, rows, &self.placeholder).map_err(Failed::reason)?
            }
            Some(What::Row(steps, op, deleted)) => {
                let meta = (*op, *deleted);
                flat(&known.schema, steps, meta, &mut wire, rows, message, &self.placeholder).map_err(Failed::reason)?
            }
            Some(What::Other(what)) => return Ok(Done::Skipped(what)),
            None => return Err("a schema that is not there".into()),
        };
        if !wire.rest().is_empty() {
            return Err(format!("{} bytes after the end of the record", wire.rest().len()));
        }
        Ok(done)
    }

    /// Reads the key columns of the row in the making from a key; the id of its schema if that is not known.
    pub(super) fn key(&mut self, key: &[u8], rows: &mut Rows) -> Result<Option<u32>, String> {
        let id = schema_id(key).ok_or(FRAME)?;
        let Some(known) = self.schemas.get_mut(&id) else { return Ok(Some(id)) };
        if known.key.is_none() {
            let members = known.schema.record(known.schema.root).ok_or("its schema is not one of a record")?;
            let step = |member: &Member| {
                let column = self.declared.fields().find(&member.name).filter(|(place, _)| rows.key.contains(place));
                let plan = column.and_then(|(place, field)| {
                    Some((place, compile(&known.schema, member.node, field, self.options.timestamp_unit)?))
                });
                match plan {
                    Some((place, plan)) => Step { to: Some(place), plan },
                    None => Step { to: None, plan: Plan::Skip(member.node) },
                }
            };
            known.key = Some(members.iter().map(step).collect());
        }
        let steps = known.key.as_deref().unwrap_or_default();
        let row = rows.len();
        for place in &rows.key {
            if let Some(column) = rows.root.column(*place) {
                column.truncate(row);
            }
        }
        let mut wire = Wire::new(key.get(5..).unwrap_or_default());
        read::fields(steps, &mut wire, &mut rows.root, &known.schema).map_err(Failed::reason)?;
        if wire.rest().is_empty() { Ok(None) } else { Err(format!("{} bytes after its end", wire.rest().len())) }
    }
}

/// What messages of a schema are.
fn learn(schema: &AvroSchema, declared: &SchemaRef, options: &AvroOptions) -> Result<What> {
    let Some(members) = schema.record(schema.root) else { return Ok(What::Other("no record")) };
    let place = |name: &str| members.iter().position(|member| member.name == name);
    let name = schema.node(schema.root).and_then(|node| node.connect.as_deref()).unwrap_or_default();
    let row = members.iter().find(|member| member.name == "after" || member.name == "before");
    if let (Some(row), Some(_)) = (row.and_then(|row| record(schema, row.node)), place("op")) {
        let parts = members.iter().map(|member| match member.name.as_str() {
            "after" => Part::After(member.node),
            "before" => Part::Before(member.node),
            "op" => Part::Op(member.node),
            _ => Part::Other(member.node),
        });
        return Ok(What::Envelope(parts.collect(), columns(schema, row, declared, options)?));
    }
    if place("op").is_some() && place("message").is_some() {
        return Ok(What::Other("message"));
    }
    if place("status").is_some() && place("event_count").is_some() && place("data_collections").is_some() {
        return Ok(What::Other("transaction"));
    }
    if name.ends_with(".Heartbeat") || members.len() == 1 && place("ts_ms").is_some() {
        return Ok(What::Other("heartbeat"));
    }
    if name.ends_with(".SchemaChangeValue") {
        return Ok(What::Other("schema change"));
    }
    let steps = columns(schema, schema.root, declared, options)?;
    Ok(What::Row(steps, place("__op"), place("__deleted")))
}

/// The place of the record that a type is, or that a union of null and a record has.
fn record(schema: &AvroSchema, place: usize) -> Option<usize> {
    match &schema.node(place)?.shape {
        Shape::Record(_) => Some(place),
        Shape::Union(branches) => branches
            .iter()
            .copied()
            .find(|branch| schema.node(*branch).is_some_and(|node| matches!(node.shape, Shape::Record(_)))),
        _ => None,
    }
}

fn columns(schema: &AvroSchema, place: usize, declared: &SchemaRef, options: &AvroOptions) -> Result<Vec<Step>> {
    let (steps, missing) = resolve::record(schema, place, declared, options, None)?;
    let removed: Vec<_> =
        missing.iter().filter_map(|place| declared.fields().get(*place)).filter(|field| !field.is_nullable()).collect();
    if removed.is_empty() {
        return Ok(steps);
    }
    let removed = removed.into_iter().map(|field| field.name().clone()).collect();
    Err(Error::drift(Drift { removed, ..Drift::default() }))
}

/// Whether a row follows, in a type that may be null.
fn is_row(schema: &AvroSchema, place: usize, wire: &mut Wire<'_>) -> std::result::Result<bool, Failed> {
    match schema.node(place).map(|node| &node.shape) {
        Some(Shape::Record(_)) => Ok(true),
        Some(Shape::Union(branches)) => {
            let branch = branches.get(wire.index()?).ok_or("a union does not have that branch")?;
            match schema.node(*branch).map(|node| &node.shape) {
                Some(Shape::Record(_)) => Ok(true),
                Some(Shape::Null) => Ok(false),
                _ => Err("neither a row nor null".into()),
            }
        }
        _ => Err("neither a row nor null".into()),
    }
}

/// The text that follows, in a type that may be null.
fn text<'a>(schema: &AvroSchema, place: usize, wire: &mut Wire<'a>) -> std::result::Result<Option<&'a [u8]>, Failed> {
    match schema.node(place).map(|node| &node.shape) {
        Some(Shape::Text) => Ok(Some(wire.text()?)),
        Some(Shape::Null) => Ok(None),
        Some(Shape::Boolean) => Ok(Some(if wire.boolean()? { b"true" } else { b"false" })),
        Some(Shape::Union(branches)) => {
            let branch = branches.get(wire.index()?).ok_or("a union does not have that branch")?;
            match schema.node(*branch).map(|node| &node.shape) {
                Some(Shape::Union(_)) | None => Err("a union in a union".into()),
                Some(_) => text(schema, *branch, wire),
            }
        }
        _ => Err("no text".into()),
    }
}

/// The columns of a row; those whose value was not sent.
fn row(
    schema: &AvroSchema,
    steps: &[Step],
    wire: &mut Wire<'_>,
    object: &mut Object,
    placeholder: &[u8],
) -> std::result::Result<Vec<usize>, Failed> {
    let mut unset = Vec::new();
    for step in steps {
        match step.to.and_then(|to| Some((to, unavailable(&step.plan, *wire, placeholder)?))) {
            Some((to, after)) => {
                if let Some(column) = object.column(to) {
                    column.pad();
                }
                *wire = after;
                unset.push(to);
            }
            None => read::fields(std::slice::from_ref(step), wire, object, schema)?,
        }
    }
    Ok(unset)
}

fn envelope(
    schema: &AvroSchema,
    parts: &[Part],
    steps: &[Step],
    wire: &mut Wire<'_>,
    rows: &mut Rows,
    placeholder: &[u8],
) -> std::result::Result<Done, Failed> {
    let (mut after, mut before, mut op) = (None, None, None);
    for part in parts {
        match part {
            Part::After(place) => {
                if is_row(schema, *place, wire)? {
                    after = Some(row(schema, steps, wire, &mut rows.root, placeholder).map_err(|f| f.within("after"))?);
                }
            }
            Part::Before(place) => {
                let start = *wire;
                let mut ahead = start;
                if is_row(schema, *place, &mut ahead)? {
                    before = Some(ahead);
                }
                read::skip(schema, *place, wire, 0)?;
            }
            Part::Op(place) => op = text(schema, *place, wire)?,
            Part::Other(place) => read::skip(schema, *place, wire, 0)?,
        }
    }
    let op = match (op.unwrap_or_default(), &after) {
        (b"c" | b"r", Some(_)) => Op::Insert,
        (b"u", Some(_)) => Op::Update,
        (b"d", _) => Op::Delete,
        (b"t", _) => Op::Truncate,
        (b"m", _) => return Ok(Done::Skipped("message")),
        (op @ (b"c" | b"r" | b"u"), None) => {
            let op = String::from_utf8_lossy(op);
            return Err(Failed::because(format!("an envelope of operation `{op}` without the row after it")));
        }
        (op, _) => return Err(Failed::because(format!("an unknown operation `{}`", String::from_utf8_lossy(op)))),
    };
    if matches!(op, Op::Delete | Op::Truncate) {
        rows.undo();
    }
    if let (Op::Delete, Some(mut wire)) = (op, before) {
        row(schema, steps, &mut wire, &mut rows.root, placeholder).map_err(|f| f.within("before"))?;
    }
    if let (Op::Delete | Op::Update, Some(mut wire), Some(object)) = (op, before, &mut rows.before) {
        row(schema, steps, &mut wire, object, placeholder).map_err(|f| f.within("before"))?;
    }
    let unset = after.filter(|_| matches!(op, Op::Insert | Op::Update)).unwrap_or_default();
    Ok(Done::Row(op, unset))
}

fn flat(
    schema: &AvroSchema,
    steps: &[Step],
    meta: (Option<usize>, Option<usize>),
    wire: &mut Wire<'_>,
    rows: &mut Rows,
    message: &Message<'_>,
    placeholder: &[u8],
) -> std::result::Result<Done, Failed> {
    let (mut op, mut deleted, mut unset) = (None, false, Vec::new());
    for (i, step) in steps.iter().enumerate() {
        match &step.plan {
            Plan::Skip(place) if step.to.is_none() && Some(i) == meta.0 => op = text(schema, *place, wire)?,
            Plan::Skip(place) if step.to.is_none() && Some(i) == meta.1 => {
                deleted = text(schema, *place, wire)? == Some(b"true");
            }
            _ => unset.extend(row(schema, std::slice::from_ref(step), wire, &mut rows.root, placeholder)?),
        }
    }
    let op = match op.or(message.op) {
        _ if deleted => Op::Delete,
        Some(b"c" | b"r") => Op::Insert,
        Some(b"u") | None => Op::Update,
        Some(b"d") => Op::Delete,
        Some(b"t") => Op::Truncate,
        Some(op) => return Err(Failed::because(format!("an unknown operation `{}`", String::from_utf8_lossy(op)))),
    };
    if op == Op::Truncate {
        rows.undo();
    }
    if !matches!(op, Op::Insert | Op::Update) {
        unset.clear();
    }
    Ok(Done::Row(op, unset))
}
