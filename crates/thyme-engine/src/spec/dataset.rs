//! The `dataset` table of a pipeline.
use std::sync::Arc;

use thyme_core::arrow::datatypes::{Field, Schema, TimeUnit};
use thyme_core::config::Problem;
use thyme_core::{Dataset, field_type};

use super::keys::{DatasetKeys, Unit};
use crate::PipelineBuilder;

/// Hands the dataset to `builder`: whole where the fields are written down, else its key and event time alone.
pub(super) fn declare(name: &str, place: &str, keys: DatasetKeys, builder: PipelineBuilder) -> (PipelineBuilder, Vec<Problem>) {
    let Some(fields) = &keys.fields else {
        let mut problems = Vec::new();
        if keys.timestamp_unit.is_some() {
            let problem = Problem::new(format!("{place}.timestamp_unit"), "`timestamp_unit` says how to read declared fields");
            problems.push(problem.help("declare them in `fields`"));
        }
        let builder = builder.key(keys.key);
        return (keys.timestamp.into_iter().fold(builder, PipelineBuilder::timestamp), problems);
    };
    let mut problems = Vec::new();
    let mut parsed: Vec<Arc<Field>> = Vec::new();
    for (name, text) in fields {
        let at = format!("{place}.fields.{name}");
        match field_type::parse(name, text.as_str().unwrap_or_default()) {
            _ if name.is_empty() => problems.push(Problem::new(at, "a field needs a name")),
            Ok(field) => parsed.push(Arc::new(field)),
            Err(e) => problems.push(Problem::of(at, &e)),
        }
    }
    if fields.is_empty() {
        problems.push(Problem::new(format!("{place}.fields"), "must not be empty").help("leave it out to discover the fields"));
    }
    if !problems.is_empty() {
        return (builder, problems);
    }
    let unit = keys.timestamp_unit.map_or(TimeUnit::Second, Unit::arrow);
    let columns = Dataset::new(name, Arc::new(Schema::new(parsed))).map_err(|e| ("fields", e));
    let keyed = columns.and_then(|dataset| dataset.with_key(keys.key).map_err(|e| ("key", e)));
    let timed = keyed.and_then(|dataset| match keys.timestamp {
        Some(timestamp) => dataset.with_timestamp(timestamp).map_err(|e| ("timestamp", e)),
        None => Ok(dataset),
    });
    match timed {
        Ok(dataset) => (builder.dataset(dataset.with_timestamp_unit(unit)), problems),
        Err((key, e)) => (builder, vec![Problem::of(format!("{place}.{key}"), &e)]),
    }
}
