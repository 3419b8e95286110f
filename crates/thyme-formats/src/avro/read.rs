//! A message into columns, by its plan.
use super::plan::{Plan, Step};
use super::schema::{AvroSchema, DEPTH, Shape};
use super::wire::Wire;
use crate::json::column::{Column, Values};
use crate::json::object::Object;
use crate::logical::{self, Meaning, unscaled};
use crate::text::Fault;

const NULL: Fault = "a value that must not be null is missing";
const BRANCH: Fault = "a union does not have that branch";
pub(super) const DEEP: Fault = "nested more than 64 deep";

/// Why a message cannot be read, and where: the fields from the inside out.
#[derive(Debug)]
pub(crate) struct Failed(Box<(String, Vec<String>)>);

impl From<Fault> for Failed {
    #[cold]
    fn from(fault: Fault) -> Self {
        Self(Box::new((fault.to_owned(), Vec::new())))
    }
}

impl Failed {
    #[cold]
    pub(crate) fn because(reason: String) -> Self {
        Self(Box::new((reason, Vec::new())))
    }

    #[cold]
    pub(crate) fn within(mut self, field: &str) -> Self {
        self.0.1.push(field.to_owned());
        self
    }

    /// As the reason of a bad record.
    pub(crate) fn reason(self) -> String {
        let (reason, mut path) = *self.0;
        path.reverse();
        if path.is_empty() { reason } else { format!("{reason} (field `{}`)", path.join(".")) }
    }
}

type Outcome = Result<(), Failed>;

/// The fields of a record into the columns of `object`. The caller ends the row.
#[inline]
pub(crate) fn fields(steps: &[Step], wire: &mut Wire<'_>, object: &mut Object, schema: &AvroSchema) -> Outcome {
    for step in steps {
        match (step.to, &step.plan) {
            (None, Plan::Skip(place)) => skip(schema, *place, wire, 0)?,
            (Some(to), plan) => {
                let Some(column) = object.column(to) else { return Err("a column that is not there".into()) };
                if let Err(failed) = value(plan, wire, column, schema) {
                    return Err(failed.within(object.name(to)));
                }
            }
            (None, _) => return Err("a field without a column".into()),
        }
    }
    Ok(())
}

/// The next value into `column`. On failure the column may have a value, or items, too many.
#[inline]
pub(crate) fn value(plan: &Plan, wire: &mut Wire<'_>, column: &mut Column, schema: &AvroSchema) -> Outcome {
    match plan {
        Plan::Union(branches) => {
            let branch = branches.get(wire.index()?).ok_or(BRANCH)?;
            return value(branch, wire, column, schema);
        }
        Plan::Null if column.is_required() => return Err(NULL.into()),
        Plan::Null => column.pad(),
        Plan::Long(meaning) => logical::int(column, wire.long()?, *meaning)?,
        Plan::Int(meaning) => logical::int(column, wire.int()?, *meaning)?,
        Plan::Text(meaning) => logical::text(column, wire.text()?, *meaning)?,
        Plan::Double => logical::float(column, wire.double()?)?,
        Plan::Float => logical::float(column, wire.float()?)?,
        Plan::Boolean => logical::boolean(column, wire.boolean()?)?,
        Plan::Bytes(meaning) => logical::bytes(column, wire.bytes()?, *meaning)?,
        Plan::Fixed(size, meaning) => logical::bytes(column, wire.take(*size)?, *meaning)?,
        Plan::Enum(symbols) => {
            let symbol = symbols.get(wire.index()?).ok_or("an enum does not have that symbol")?;
            logical::text(column, symbol.as_bytes(), Meaning::Text)?;
        }
        Plan::List(item) => list(item, wire, column, schema)?,
        Plan::Map(item) => map(item, wire, column, schema)?,
        Plan::Record(steps) => {
            let Values::Struct(object, _) = column.values_mut() else { return Err("a record for a plain column".into()) };
            fields(steps, wire, object, schema)?;
            if let Err(place) = object.end_row() {
                return Err(Failed::from(NULL).within(object.name(place)));
            }
        }
        Plan::VariableDecimal => {
            let scale = i32::try_from(wire.int()?).map_err(|_| "a scale of more than 32 bits")?;
            logical::decimal(column, unscaled(wire.bytes()?)?, scale)?;
        }
        Plan::Json(place) => {
            let mut text = Vec::new();
            super::to_json::value(schema, *place, wire, &mut text, 0)?;
            match column.values_mut() {
                Values::Json(v, _) => v.push(&text),
                _ => return Err("json for another column".into()),
            }
        }
        Plan::Unfit(what) => return Err(Failed::because(format!("a {what}, which the column cannot take"))),
        Plan::Skip(place) => skip(schema, *place, wire, 0)?,
    }
    Ok(())
}

fn list(item: &Plan, wire: &mut Wire<'_>, column: &mut Column, schema: &AvroSchema) -> Outcome {
    let Values::List(list) = column.values_mut() else { return Err("an array for a plain column".into()) };
    loop {
        let (count, _) = wire.block()?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            value(item, wire, list.items(), schema).map_err(|failed| failed.within("[]"))?;
        }
    }
    list.pad();
    Ok(())
}

fn map(item: &Plan, wire: &mut Wire<'_>, column: &mut Column, schema: &AvroSchema) -> Outcome {
    let Values::Map(map) = column.values_mut() else { return Err("a map for a plain column".into()) };
    loop {
        let (count, _) = wire.block()?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            let (keys, values) = map.pair();
            logical::text(keys, wire.text()?, Meaning::Text)?;
            value(item, wire, values, schema).map_err(|failed| failed.within("{}"))?;
        }
    }
    map.pad();
    Ok(())
}

/// Passes over a value of the type at `place`.
pub(crate) fn skip(schema: &AvroSchema, place: usize, wire: &mut Wire<'_>, depth: usize) -> Outcome {
    if depth > DEPTH {
        return Err(DEEP.into());
    }
    let Some(node) = schema.node(place) else { return Err("a type that is not there".into()) };
    match &node.shape {
        Shape::Null => {}
        Shape::Boolean => drop(wire.boolean()?),
        Shape::Int => drop(wire.int()?),
        Shape::Long => drop(wire.long()?),
        Shape::Enum(symbols) => drop(symbols.get(wire.index()?).ok_or("an enum does not have that symbol")?),
        Shape::Float => drop(wire.take(4)?),
        Shape::Double => drop(wire.take(8)?),
        Shape::Bytes => drop(wire.bytes()?),
        Shape::Text => drop(wire.text()?),
        Shape::Fixed(size) => drop(wire.take(*size)?),
        Shape::Record(members) => {
            for member in members {
                skip(schema, member.node, wire, depth + 1)?;
            }
        }
        Shape::Union(branches) => {
            let branch = branches.get(wire.index()?).ok_or(BRANCH)?;
            skip(schema, *branch, wire, depth + 1)?;
        }
        Shape::List(items) | Shape::Map(items) => loop {
            let (count, size) = wire.block()?;
            match (count, size) {
                (0, _) => break,
                (_, Some(size)) => drop(wire.take(size)?),
                (count, None) => {
                    for _ in 0..count {
                        if matches!(node.shape, Shape::Map(_)) {
                            wire.text()?;
                        }
                        skip(schema, *items, wire, depth + 1)?;
                    }
                }
            }
        },
    }
    Ok(())
}
