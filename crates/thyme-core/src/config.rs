//! Configuration: a value from a pipeline file or a connection string, checked against the JSON schema of a config struct.
//!
//! A connector has one serde struct per source and per sink, with `deny_unknown_fields`, a [`schemars::JsonSchema`] and these
//! extensions of the schema, `#[schemars(extend("x-…" = …))]`:
//!
//! | extension | means |
//! |---|---|
//! | `x-connection: true` | where, not what: taken from the pipeline, else the named connection, else `THYME_<TYPE>_<FIELD>`, else the default |
//! | `x-aliases: ["groupId"]` | other accepted names; two spellings at once are an error |
//! | `x-value-aliases: {"create_new": "append"}` | other accepted values (`true` and numbers by their JSON text) |
//! | `x-secret: true` | never shown; may be read from a file |
//! | `x-path: true` | relative to the folder of the pipeline file |
//! | `format: "duration"`, `"size"` | text as [`duration::parse`](crate::duration::parse) and [`duration::parse_size`](crate::duration::parse_size) read it |
//!
//! Any text may be `{ env = "NAME", default = "…" }`, a secret also `{ file = "…" }`: both are resolved before the check, so that
//! serde only ever sees plain values. All problems are collected; the first does not hide the others.
mod fields;
mod problem;
mod reference;
mod schema;
mod walk;

use std::path::Path;

use schemars::Schema;
use serde_json::{Map, Value};

pub use fields::{FieldInfo, fields};
pub use problem::Problem;

use crate::Result;
use schema::Node;
use walk::Walk;

/// Where a value stands and where its missing parts come from.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What problems name: `pipeline.orders.source`.
    pub place: &'a str,
    /// The folder of the pipeline file, absolute; without one relative paths stay as they are.
    pub folder: Option<&'a Path>,
    /// The named connection: its place (`connections.shop`) and its fields.
    pub connection: Option<(&'a str, &'a Map<String, Value>)>,
    /// Reads the environment; [`crate::env::var`] outside tests.
    pub env: &'a dyn Fn(&str) -> Result<Option<String>>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("place", &self.place).field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl<'a> Context<'a> {
    /// A place of this process's environment, without folder and connection.
    #[must_use]
    pub fn new(place: &'a str) -> Self {
        Self { place, folder: None, connection: None, env: &crate::env::var }
    }
}

/// The environment variable that a connection-level field falls back to: `THYME_POSTGRES_HOST`.
#[must_use]
pub fn variable(connector: &str, field: &str) -> String {
    format!("THYME_{connector}_{field}").to_uppercase().replace('-', "_")
}

/// `value` as the config struct behind `schema` takes it: canonical names, resolved references, filled connection fields.
///
/// `connector` is the type's name, which the environment's variables carry; `None` for what has no connection fields.
///
/// # Errors
/// Every problem there is, by place.
pub fn check(schema: &Schema, connector: Option<&str>, value: Value, context: &Context<'_>) -> Result<Value, Vec<Problem>> {
    let (checked, problems) = check_all(schema, connector, value, context);
    if problems.is_empty() { Ok(checked) } else { Err(problems) }
}

/// As [`check`], with what was understood beside the problems, for rules that still can be looked at.
#[must_use]
pub fn check_all(schema: &Schema, connector: Option<&str>, value: Value, context: &Context<'_>) -> (Value, Vec<Problem>) {
    let node = Node::root(schema.as_value());
    let mut walk = Walk::new(context);
    let checked = walk.top(&node, connector, value);
    (checked, walk.finish())
}

/// The problems of a named connection of a connector whose source and sink have `schemas`: its fields are the connection-level
/// fields of either, and none of them is required.
#[must_use]
pub fn check_connection(schemas: &[Schema], fields: &Map<String, Value>, context: &Context<'_>) -> Vec<Problem> {
    let nodes: Vec<_> = schemas.iter().map(|schema| Node::root(schema.as_value())).collect();
    let mut walk = Walk::new(context);
    walk.connection(&nodes, fields);
    walk.finish()
}

/// Text (from the environment or a connection string) as the field `name` of `schema` wants it: a number, a truth value, a
/// list at its commas. Text that is none of these stays text, and [`check`] says what is wrong with it.
#[must_use]
pub fn coerce(schema: &Schema, name: &str, text: &str) -> Value {
    let node = Node::root(schema.as_value());
    node.property(name).map_or_else(|| Value::from(text), |(_, field)| field.coerce(text))
}

#[cfg(test)]
mod tests;
