//! The connectors of a program, by type and by scheme.
use std::sync::Arc;

use schemars::Schema;
use serde_json::{Map, Value};

use super::{Connector, SinkEntry, SourceEntry, url};
use crate::config::{self, Context, Problem};
use crate::{Error, Result, Sink, Source};

/// Types and schemes of connectors that come with a later release.
const LATER: &[(&str, &[&str])] = &[
    ("kafka", &["kafka"]),
    ("kinesis", &["kinesis"]),
    ("s3", &["s3", "s3a"]),
    ("gcs", &["gcs", "gs"]),
    ("http", &["http", "https"]),
    ("iceberg", &["iceberg"]),
    ("bigquery", &["bigquery"]),
    ("snowflake", &["snowflake"]),
];

/// The connectors of a program: those compiled in, and its own.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    connectors: Vec<&'static Connector>,
}

impl Registry {
    /// The connectors of a table.
    #[must_use]
    pub fn new(connectors: &[&'static Connector]) -> Self {
        Self { connectors: connectors.to_vec() }
    }

    /// The same and one more, which counts before others of its name.
    #[must_use]
    pub fn with(mut self, connector: &'static Connector) -> Self {
        self.connectors.retain(|other| other.name != connector.name);
        self.connectors.push(connector);
        self
    }

    /// All of them.
    pub fn connectors(&self) -> impl Iterator<Item = &'static Connector> {
        self.connectors.iter().copied()
    }

    /// The connector of a `type`, which stands at `place`.
    ///
    /// # Errors
    /// A problem that lists what is compiled in, with the nearest; a connector that comes later is refused by name.
    pub fn find(&self, name: &str, place: &str) -> Result<&'static Connector, Problem> {
        if let Some(connector) = self.connectors().find(|connector| connector.name == name) {
            return Ok(connector);
        }
        let names: Vec<_> = self.connectors().map(|connector| connector.name).collect();
        let listed =
            if names.is_empty() { "no connector is compiled in".into() } else { format!("compiled in: {}", names.join(", ")) };
        if let Some((later, _)) = LATER.iter().find(|(later, schemes)| *later == name || schemes.contains(&name)) {
            return Err(Problem::new(place, format!("the connector `{later}` is not part of this release")).help(listed));
        }
        let problem = Problem::new(place, format!("unknown connector `{name}`"));
        Err(match crate::nearest(name, names) {
            Some(near) => problem.help(format!("did you mean `{near}`? {listed}")),
            None => problem.help(listed),
        })
    }

    /// The source of type `name` with the fields of `value` (without `type` and `connection`).
    ///
    /// # Errors
    /// Every problem of the fields; else what the connector says against them.
    pub fn source(&self, name: &str, value: Value, context: &Context<'_>) -> Result<Arc<dyn Source>, Vec<Problem>> {
        let connector = self.find(name, &format!("{}.type", context.place)).map_err(|problem| vec![problem])?;
        let entry = readable(connector).map_err(|message| vec![Problem::new(context.place, message)])?;
        let value = config::check(&(entry.schema)(), Some(connector.name), value, context)?;
        (entry.build)(value).map_err(|e| vec![Problem::of(context.place, &e)])
    }

    /// The sink of type `name` with the fields of `value` (without `type` and `connection`).
    ///
    /// # Errors
    /// As [`Registry::source`].
    pub fn sink(&self, name: &str, value: Value, context: &Context<'_>) -> Result<Arc<dyn Sink>, Vec<Problem>> {
        let connector = self.find(name, &format!("{}.type", context.place)).map_err(|problem| vec![problem])?;
        let entry = writable(connector).map_err(|message| vec![Problem::new(context.place, message)])?;
        let value = config::check(&(entry.schema)(), Some(connector.name), value, context)?;
        (entry.build)(value).map_err(|e| vec![Problem::of(context.place, &e)])
    }

    /// The source of a connection string: `file:data/*.jsonl?format=json`. `overrides` are fields that count before the
    /// string's; an empty table for none. Relative paths are relative to the current folder.
    ///
    /// # Errors
    /// `Config` with every problem.
    pub fn create_source(&self, url: &str, overrides: Map<String, Value>) -> Result<Arc<dyn Source>> {
        let parts = url::split(url)?;
        let connector = self.by_scheme(&parts.scheme)?;
        let entry = readable(connector).map_err(|message| Error::new(crate::Kind::Unsupported, message))?;
        let fields = fields(&parts, &(entry.schema)(), (entry.from_url)(parts.base)?, overrides)?;
        here(|context| self.source(connector.name, fields, &Context { place: "source", ..*context }))
    }

    /// The sink of a connection string; as [`Registry::create_source`].
    ///
    /// # Errors
    /// `Config` with every problem.
    pub fn create_sink(&self, url: &str, overrides: Map<String, Value>) -> Result<Arc<dyn Sink>> {
        let parts = url::split(url)?;
        let connector = self.by_scheme(&parts.scheme)?;
        let entry = writable(connector).map_err(|message| Error::new(crate::Kind::Unsupported, message))?;
        let fields = fields(&parts, &(entry.schema)(), (entry.from_url)(parts.base)?, overrides)?;
        here(|context| self.sink(connector.name, fields, &Context { place: "sink", ..*context }))
    }

    fn by_scheme(&self, scheme: &str) -> Result<&'static Connector> {
        let found = self.connectors().find(|connector| connector.schemes.contains(&scheme));
        found.map_or_else(|| self.find(scheme, "connection string").map_err(|problem| Problem::error(&[problem])), Ok)
    }
}

fn readable(connector: &'static Connector) -> Result<&'static SourceEntry, String> {
    connector.source.as_ref().ok_or_else(|| format!("`{}` can only be written, not read", connector.name))
}

fn writable(connector: &'static Connector) -> Result<&'static SinkEntry, String> {
    connector.sink.as_ref().ok_or_else(|| format!("`{}` can only be read, not written", connector.name))
}

/// What the string says before its query, then its query, then `overrides`.
fn fields(parts: &url::Parts<'_>, schema: &Schema, base: Value, overrides: Map<String, Value>) -> Result<Value> {
    let mut fields = match base {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for (name, text) in &parts.query {
        if fields.insert(name.clone(), config::coerce(schema, name, text)).is_some() {
            let problem = Problem::new(format!("connection string.{name}"), format!("`{name}` is given twice"));
            return Err(Problem::error(&[problem]));
        }
    }
    fields.extend(overrides);
    Ok(Value::Object(fields))
}

/// Runs `build` with the current folder as the place that paths are relative to.
fn here<T>(build: impl FnOnce(&Context<'_>) -> Result<T, Vec<Problem>>) -> Result<T> {
    let folder = std::env::current_dir().ok();
    let context = Context { folder: folder.as_deref(), ..Context::new("") };
    build(&context).map_err(|problems| Problem::error(&problems))
}
