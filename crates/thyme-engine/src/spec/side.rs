//! The source or the sink of a pipeline.
use std::collections::BTreeMap;
use std::path::Path;

use schemars::Schema;
use serde_json::{Map, Value};
use thyme_core::config::{self, Context, FieldInfo, Problem};
use thyme_core::{Connector, Registry, Result};

/// The named connections of a file: their type and their fields.
pub(super) type Connections = BTreeMap<String, (String, Map<String, Value>)>;

/// What the two sides of a pipeline have in common.
pub(super) struct Sides<'a> {
    pub(super) registry: &'a Registry,
    pub(super) folder: Option<&'a Path>,
    pub(super) connections: &'a Connections,
    /// The keys of a pipeline, for those that stand in the wrong table.
    pub(super) keys: &'a [FieldInfo],
}

/// A source or a sink, with its type and its checked fields.
pub(super) struct Side<T> {
    pub(super) made: T,
    pub(super) connector: &'static Connector,
    pub(super) fields: Value,
    pub(super) schema: Schema,
}

type Entry<T> = (fn() -> Schema, fn(Value) -> Result<T>);

impl Sides<'_> {
    /// Makes the side that stands in `table` at `place`; `entry` is how a connector does it, or why it does not.
    pub(super) fn make<T>(
        &self,
        place: &str,
        mut table: Map<String, Value>,
        entry: impl Fn(&'static Connector) -> Result<Entry<T>, String>,
    ) -> Result<Side<T>, Vec<Problem>> {
        let mut problems = Vec::new();
        let connection = self.connection(place, &mut table, &mut problems);
        let named = self.named(place, table.remove("type"), connection.as_ref().map(|(_, kind, _)| *kind), &mut problems);
        let Some((name, at)) = named else { return Err(problems) };
        let found = self.registry.find(&name, &at).and_then(|connector| {
            let entry = entry(connector).map_err(|message| Problem::new(at.clone(), message))?;
            Ok((connector, entry))
        });
        let (connector, (schema, build)) = match found {
            Ok(found) => found,
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        let schema = schema();
        self.misplaced(place, &mut table, &config::fields(&schema, connector.name), &mut problems);
        let connection = connection.as_ref().map(|(at, _, fields)| (at.as_str(), *fields));
        let context = Context { folder: self.folder, connection, ..Context::new(place) };
        match config::check(&schema, Some(connector.name), Value::Object(table), &context) {
            Ok(fields) if problems.is_empty() => match build(fields.clone()) {
                Ok(made) => return Ok(Side { made, connector, fields, schema }),
                Err(e) => problems.push(Problem::of(place, &e)),
            },
            Ok(_) => {}
            Err(more) => problems.extend(more),
        }
        Err(problems)
    }

    /// The connection that the table names: its place, its type, its fields.
    fn connection(
        &self,
        place: &str,
        table: &mut Map<String, Value>,
        problems: &mut Vec<Problem>,
    ) -> Option<(String, &str, &Map<String, Value>)> {
        let at = format!("{place}.connection");
        match table.remove("connection")? {
            Value::String(name) => match self.connections.get(&name) {
                Some((kind, fields)) => return Some((format!("connections.{name}"), kind, fields)),
                None => {
                    let problem = Problem::new(at, format!("there is no connection `{name}`"));
                    problems.push(problem.nearest(&name, self.connections.keys().map(String::as_str)));
                }
            },
            _ => problems.push(Problem::new(at, "expected the name of a connection")),
        }
        None
    }

    /// The type's name and its place.
    fn named(
        &self,
        place: &str,
        inline: Option<Value>,
        connection: Option<&str>,
        problems: &mut Vec<Problem>,
    ) -> Option<(String, String)> {
        let at = format!("{place}.type");
        match (inline, connection) {
            (Some(Value::String(inline)), Some(of)) if inline != of => {
                problems.push(
                    Problem::new(at, format!("`{inline}` contradicts the connection, which is `{of}`"))
                        .help("leave out one of them"),
                );
                None
            }
            (Some(Value::String(inline)), _) => Some((inline, at)),
            (Some(_), _) => {
                problems.push(Problem::new(at, "expected the name of a connector"));
                None
            }
            (None, Some(of)) => Some((of.to_owned(), format!("{place}.connection"))),
            (None, None) => {
                if problems.is_empty() {
                    problems.push(Problem::new(at, "`type` is missing").help("give the connector's name, or a `connection`"));
                }
                None
            }
        }
    }

    /// Keys of the pipeline that ended up below the header of its source or sink.
    fn misplaced(&self, place: &str, table: &mut Map<String, Value>, fields: &[FieldInfo], problems: &mut Vec<Problem>) {
        let is = |field: &FieldInfo, key: &str| field.name == key || field.aliases.iter().any(|alias| alias == key);
        let wrong = |key: &&String| !fields.iter().any(|field| is(field, key)) && self.keys.iter().any(|field| is(field, key));
        let wrong: Vec<String> = table.keys().filter(wrong).cloned().collect();
        for key in wrong {
            table.remove(&key);
            let side = place.rsplit('.').next().unwrap_or(place);
            let problem = Problem::new(format!("{place}.{key}"), format!("`{key}` is a key of the pipeline, not of its {side}"));
            problems.push(problem.help(format!("move it above the `{side}` table")));
        }
    }
}

/// Whether source and sink are the same place: one connector, and every field that says where (connection-level, a path, or
/// required) is the same where both have it.
pub(super) fn same<S, T>(source: &Side<S>, sink: &Side<T>) -> bool {
    let (from, to) = (config::fields(&source.schema, source.connector.name), config::fields(&sink.schema, sink.connector.name));
    let place = |field: &FieldInfo| field.env.is_some() || field.required || field.kind == "path";
    let shared: Vec<_> = from.iter().filter(|field| place(field) && to.iter().any(|other| other.name == field.name)).collect();
    let equal = |field: &&FieldInfo| source.fields.get(&field.name) == sink.fields.get(&field.name);
    let given = shared.iter().any(|field| field.env.is_none() && source.fields.get(&field.name).is_some());
    source.connector.name == sink.connector.name && given && shared.iter().all(equal)
}
