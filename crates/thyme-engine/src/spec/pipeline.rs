//! One pipeline of a file.
use std::sync::Arc;

use serde_json::{Map, Value};
use thyme_core::config::{self, Context, Problem};
use thyme_core::{Connector, Sink, Source, duration};

use super::keys::{CommitKeys, PipelineKeys, RetryKeys};
use super::side::{self, Side, Sides};
use super::{begin, dataset, keys};
use crate::{CommitPolicy, Pipeline, PipelineBuilder, RetryPolicy};

/// The pipeline of `table` at `place`, and whether it is enabled; or every problem.
pub(super) fn read(place: &str, table: Map<String, Value>, sides: &Sides<'_>) -> Result<(Pipeline, bool), Vec<Problem>> {
    let context = Context::new(place);
    let (value, mut problems) = config::check_all(&keys::schema(), None, Value::Object(table), &context);
    let mut keys = understood(place, value, &problems);
    let enabled = keys.enabled.unwrap_or(true);
    let source = keys.source.take().map(|table| sides.make(&format!("{place}.source"), table, readable));
    let sink = keys.sink.take().map(|table| sides.make(&format!("{place}.sink"), table, writable));
    let (source, sink) = (kept(source, &mut problems), kept(sink, &mut problems));
    if let (Some(source), Some(sink)) = (&source, &sink)
        && side::same(source, sink)
    {
        let what = "source and sink are the same place: what is written would be read again";
        problems.push(Problem::new(format!("{place}.sink"), what).help("write somewhere else"));
    }
    let (builder, more) = builder(place, keys, source, sink);
    problems.extend(more);
    for mistake in builder.mistakes() {
        let at = format!("{place}.{}", mistake.field);
        let below = format!("{at}.");
        if !problems.iter().any(|problem| problem.place == at || problem.place.starts_with(&below)) {
            problems.push(Problem::new(at, mistake.message));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    builder.build().map(|pipeline| (pipeline, enabled)).map_err(|e| vec![Problem::of(place, &e)])
}

/// The keys that have no problem.
fn understood(place: &str, value: Value, problems: &[Problem]) -> PipelineKeys {
    let Value::Object(mut table) = value else { return PipelineKeys::default() };
    let key = |problem: &Problem| {
        let rest = problem.place.strip_prefix(place)?.strip_prefix('.')?;
        rest.split(['.', '[', ' ']).next().map(str::to_owned)
    };
    let schema = keys::schema();
    let fields = config::fields(&schema, "");
    for spelled in problems.iter().filter_map(key) {
        let own = fields.iter().find(|field| field.name == spelled || field.aliases.contains(&spelled));
        table.remove(own.map_or(&spelled, |field| &field.name));
    }
    serde_json::from_value(Value::Object(table)).unwrap_or_default()
}

fn kept<T>(side: Option<Result<Side<T>, Vec<Problem>>>, problems: &mut Vec<Problem>) -> Option<Side<T>> {
    side?.map_err(|more| problems.extend(more)).ok()
}

fn builder(
    place: &str,
    keys: PipelineKeys,
    source: Option<Side<Arc<dyn Source>>>,
    sink: Option<Side<Arc<dyn Sink>>>,
) -> (PipelineBuilder, Vec<Problem>) {
    let name = keys.name.unwrap_or_default();
    let mut problems = Vec::new();
    let mut builder = Pipeline::dynamic(name.clone());
    let watch = source.as_ref().is_some_and(|side| side.fields.get("watch") == Some(&Value::Bool(true)));
    match (watch, &keys.every, keys.schedule.as_deref()) {
        (true, None, None) => builder = builder.schedule("@auto"),
        (true, Some(_), _) => problems.push(watched(place, "every")),
        (true, None, Some(text)) if text != "@auto" => problems.push(watched(place, "schedule")),
        _ => {}
    }
    builder = source.into_iter().fold(builder, |builder, side| builder.source(side.made));
    builder = sink.into_iter().fold(builder, |builder, side| builder.sink(side.made));
    builder = keys.cursor.into_iter().fold(builder, PipelineBuilder::cursor);
    builder = keys.every.into_iter().fold(builder, PipelineBuilder::every);
    builder = keys.schedule.into_iter().fold(builder, PipelineBuilder::schedule);
    builder = keys.timezone.into_iter().fold(builder, PipelineBuilder::timezone);
    builder = keys.max_lateness.into_iter().fold(builder, PipelineBuilder::max_lateness);
    builder = keys.late.into_iter().fold(builder, PipelineBuilder::late);
    builder = keys.cdc.into_iter().fold(builder, PipelineBuilder::cdc);
    builder = keys.on_error.into_iter().fold(builder, PipelineBuilder::on_error);
    builder = keys.on_drift.into_iter().fold(builder, PipelineBuilder::on_drift);
    builder = keys.on_cursor_lost.into_iter().fold(builder, PipelineBuilder::on_cursor_lost);
    builder = keys.commit.into_iter().fold(builder, |builder, keys| builder.commit(commit(&keys)));
    builder = keys.retry.into_iter().fold(builder, |builder, keys| builder.retry(retry(&keys)));
    match keys.from_timestamp.as_deref().map(begin::parse) {
        Some(Ok(from)) => builder = builder.from_timestamp(from),
        Some(Err(message)) => problems.push(Problem::new(format!("{place}.from_timestamp"), message)),
        None => {}
    }
    if let Some(keys) = keys.dataset {
        let (with, more) = dataset::declare(&name, &format!("{place}.dataset"), keys, builder);
        builder = with;
        problems.extend(more);
    }
    (builder, problems)
}

fn watched(place: &str, key: &str) -> Problem {
    let problem = Problem::new(format!("{place}.{key}"), "`watch = true` polls as soon as there is something new");
    problem.help(format!("leave out `{key}`, or `watch`"))
}

fn commit(keys: &CommitKeys) -> CommitPolicy {
    let every = keys.every.as_deref().and_then(|text| duration::parse(text).ok());
    CommitPolicy { every, rows: keys.rows, bytes: keys.bytes.map(|size| size.0) }
}

fn retry(keys: &RetryKeys) -> RetryPolicy {
    let usual = RetryPolicy::default();
    let pause = |text: &Option<String>| text.as_deref().and_then(|text| duration::parse(text).ok());
    RetryPolicy {
        attempts: keys.max_attempts.map_or(usual.attempts, |attempts| attempts as usize),
        first: pause(&keys.first).unwrap_or(usual.first),
        longest: pause(&keys.longest).unwrap_or(usual.longest),
    }
}

type Entry<T> = (fn() -> schemars::Schema, fn(Value) -> thyme_core::Result<T>);

fn readable(connector: &'static Connector) -> Result<Entry<Arc<dyn Source>>, String> {
    let entry = connector.source.as_ref().map(|entry| (entry.schema, entry.build));
    entry.ok_or_else(|| format!("`{}` can only be written, not read", connector.name))
}

fn writable(connector: &'static Connector) -> Result<Entry<Arc<dyn Sink>>, String> {
    let entry = connector.sink.as_ref().map(|entry| (entry.schema, entry.build));
    entry.ok_or_else(|| format!("`{}` can only be read, not written", connector.name))
}
