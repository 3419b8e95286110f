//! The fields of a writer's record and the columns they go to.
use std::sync::Arc;

use thyme_core::arrow::datatypes::Schema;
use thyme_core::drift::Drift;
use thyme_core::{Result, field_type};

use super::AvroOptions;
use super::decoder::{no_record, unfit};
use super::plan::{Plan, Step, compile};
use super::reader::Reader;
use super::schema::{AvroSchema, Shape};
use super::types;
use crate::scan::Unknown;

/// What is done with the fields of the record at `place`, and the columns that get nothing from it.
///
/// # Errors
/// `Schema`, as [`AvroDecoder::add_schema`](super::AvroDecoder::add_schema).
pub(crate) fn record(
    schema: &AvroSchema,
    place: usize,
    columns: &Schema,
    options: &AvroOptions,
    reader: Option<&Reader>,
) -> Result<(Vec<Step>, Vec<usize>)> {
    let Some(Shape::Record(members)) = schema.node(place).map(|node| &node.shape) else { return Err(no_record()) };
    let mut drift = Drift::default();
    let mut missing: Vec<usize> = (0..columns.fields().len()).collect();
    let mut steps = Vec::with_capacity(members.len());
    for member in members {
        let name = reader.and_then(|reader| reader.renamed(member)).unwrap_or(&member.name);
        let Some((to, field)) = columns.fields().find(name).filter(|(to, _)| missing.contains(to)) else {
            steps.push(Step { to: None, plan: Plan::Skip(member.node) });
            if options.unknown == Unknown::Report && !name.starts_with("__") {
                let added = types::of(schema, std::slice::from_ref(member))?;
                drift.added.extend(added.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))));
            }
            continue;
        };
        match compile(schema, member.node, field, options.timestamp_unit) {
            Some(plan) => steps.push(Step { to: Some(to), plan }),
            None => {
                let wanted = field_type::name(&field.as_ref().clone().with_nullable(true));
                drift.changed.push((name.to_owned(), wanted, types::name(schema, member.node)));
            }
        }
        missing.retain(|place| *place != to);
    }
    if drift == Drift::default() { Ok((steps, missing)) } else { Err(unfit(drift)) }
}
