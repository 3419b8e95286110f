//! How the values of a writer's schema go into columns: found once for each schema.
use std::sync::Arc;

use thyme_core::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use thyme_core::field_type;

use super::schema::{AvroSchema, Member, Node, Shape};
use crate::TimestampUnit;
use crate::logical::{Meaning, connect};

/// What is done with the next value of a message.
#[derive(Debug)]
pub(crate) enum Plan {
    Null,
    Boolean,
    Int(Meaning),
    Long(Meaning),
    Float,
    Double,
    Bytes(Meaning),
    Text(Meaning),
    Fixed(usize, Meaning),
    Enum(Arc<[Box<str>]>),
    List(Box<Plan>),
    Map(Box<Plan>),
    Record(Vec<Step>),
    Union(Vec<Plan>),
    /// A record of scale and value.
    VariableDecimal,
    /// Any value, into a column of JSON: the place of its type.
    Json(usize),
    /// A branch of a union that the column cannot take: what it is.
    Unfit(String),
    /// Not wanted: the place of its type.
    Skip(usize),
}

/// What is done with a field of a record.
#[derive(Debug)]
pub(crate) struct Step {
    /// The column it goes to.
    pub(crate) to: Option<usize>,
    pub(crate) plan: Plan,
}

/// The plan for values of the type at `place` that go to a column of `field`; `None`: they do not fit.
pub(crate) fn compile(schema: &AvroSchema, place: usize, field: &Field, unit: TimestampUnit) -> Option<Plan> {
    let node = schema.node(place)?;
    if let Shape::Union(branches) = &node.shape {
        let is_null = |branch: &usize| schema.node(*branch).is_some_and(|node| matches!(node.shape, Shape::Null));
        // Text that is one kind of value among several is a string of JSON; alone it is the JSON.
        if field_type::is(field, field_type::JSON) && branches.iter().filter(|branch| !is_null(branch)).count() > 1 {
            let plan = |branch: &usize| if is_null(branch) { Plan::Null } else { Plan::Json(*branch) };
            return Some(Plan::Union(branches.iter().map(plan).collect()));
        }
        let plans: Vec<_> = branches
            .iter()
            .map(|branch| {
                compile(schema, *branch, field, unit).unwrap_or_else(|| Plan::Unfit(super::types::name(schema, *branch)))
            })
            .collect();
        let fits = plans.iter().any(|plan| !matches!(plan, Plan::Null | Plan::Unfit(_)));
        let all_null = plans.iter().all(|plan| matches!(plan, Plan::Null));
        return (fits || all_null).then_some(Plan::Union(plans));
    }
    if matches!(node.shape, Shape::Null) {
        return Some(Plan::Null);
    }
    if field_type::is(field, field_type::JSON) && !matches!(node.shape, Shape::Text) {
        return Some(Plan::Json(place));
    }
    nested(schema, node, field, unit).or_else(|| scalar(node, field, unit))
}

fn nested(schema: &AvroSchema, node: &Node, field: &Field, unit: TimestampUnit) -> Option<Plan> {
    match (&node.shape, field.data_type()) {
        (Shape::List(items), DataType::List(item)) => Some(Plan::List(Box::new(compile(schema, *items, item, unit)?))),
        (Shape::Map(values), DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(pair) => Some(Plan::Map(Box::new(compile(schema, *values, pair.get(1)?, unit)?))),
            _ => None,
        },
        (Shape::Record(_), DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Utf8)
            if node.connect.as_deref() == Some(connect::VARIABLE_DECIMAL) =>
        {
            Some(Plan::VariableDecimal)
        }
        (Shape::Record(members), DataType::Struct(fields)) => record(schema, members, fields, unit),
        _ => None,
    }
}

fn record(schema: &AvroSchema, members: &[Member], fields: &Fields, unit: TimestampUnit) -> Option<Plan> {
    let step = |member: &Member| match fields.find(&member.name) {
        Some((to, field)) => Some(Step { to: Some(to), plan: compile(schema, member.node, field, unit)? }),
        None => Some(Step { to: None, plan: Plan::Skip(member.node) }),
    };
    Some(Plan::Record(members.iter().map(step).collect::<Option<_>>()?))
}

fn scalar(node: &Node, field: &Field, unit: TimestampUnit) -> Option<Plan> {
    let meaning = match (&node.shape, node.meaning, field.data_type()) {
        (_, Some(meaning), _) => meaning,
        (Shape::Int | Shape::Long, None, DataType::Timestamp(..)) => Meaning::Stamp(match unit {
            TimestampUnit::Seconds => TimeUnit::Second,
            TimestampUnit::Milliseconds => TimeUnit::Millisecond,
            TimestampUnit::Microseconds => TimeUnit::Microsecond,
        }),
        (Shape::Boolean, ..) => Meaning::Bool,
        (Shape::Int | Shape::Long, ..) => Meaning::Int,
        (Shape::Float | Shape::Double, ..) => Meaning::Float,
        // The promotions between text and bytes: on the wire they are the same.
        (Shape::Text, _, DataType::Binary) => return Some(Plan::Bytes(Meaning::Bytes)),
        (Shape::Bytes, _, DataType::Utf8) => return Some(Plan::Text(Meaning::Text)),
        (Shape::Text | Shape::Enum(_), ..) => Meaning::Text,
        (Shape::Bytes | Shape::Fixed(_), ..) => Meaning::Bytes,
        _ => return None,
    };
    // A double is never narrowed.
    let narrowed = matches!((&node.shape, field.data_type()), (Shape::Double, DataType::Float32));
    if narrowed || !meaning.fits(field) {
        return None;
    }
    Some(match &node.shape {
        Shape::Boolean => Plan::Boolean,
        Shape::Int => Plan::Int(meaning),
        Shape::Long => Plan::Long(meaning),
        Shape::Float => Plan::Float,
        Shape::Double => Plan::Double,
        Shape::Bytes => Plan::Bytes(meaning),
        Shape::Text => Plan::Text(meaning),
        Shape::Fixed(size) => Plan::Fixed(*size, meaning),
        Shape::Enum(symbols) => Plan::Enum(Arc::clone(symbols)),
        _ => return None,
    })
}
