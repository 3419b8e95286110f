//! Connectors as data: what each offers, and the registry that finds them by type or connection string.
mod registry;
mod url;

use std::sync::Arc;

use schemars::Schema;
use serde_json::Value;

pub use registry::Registry;
pub use url::percent_decode;

use crate::{Result, Sink, Source};

/// A connector, as a `static` beside its code.
#[derive(Debug)]
pub struct Connector {
    /// Its `type` in a pipeline file; the same as its feature, module and the middle of `THYME_<TYPE>_<FIELD>`.
    pub name: &'static str,
    /// One sentence, lower-case, without a closing dot.
    pub summary: &'static str,
    /// Schemes of its connection strings: `["postgresql", "postgres"]`. `-` alone is a scheme as well.
    pub schemes: &'static [&'static str],
    /// What it measures of its own. The names begin with `thyme_`, and each has the label `pipeline`.
    pub metrics: &'static [Metric],
    /// What it guarantees and how, for the delivery table: `exactly once: an intent file, then renames`.
    pub delivery: &'static str,
    /// How it is read, if it is.
    pub source: Option<SourceEntry>,
    /// How it is written, if it is.
    pub sink: Option<SinkEntry>,
}

/// What a metric is, as Prometheus shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with the unit as its end: `thyme_postgres_held_back_seconds`, `thyme_retries_total`.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// One sentence without its dot.
    pub help: &'static str,
}

/// How a connector is read.
#[derive(Debug)]
pub struct SourceEntry {
    /// The JSON schema of its config struct, with the extensions of [`config`](crate::config).
    pub schema: fn() -> Schema,
    /// A source from a checked configuration, without reaching anything.
    pub build: fn(Value) -> Result<Arc<dyn Source>>,
    /// The fields in a connection string up to its query, scheme included: `{"path": "a/*.csv"}` of `file:a/*.csv`. The query
    /// is read elsewhere; parts are still percent-encoded, [`percent_decode`] decodes them.
    pub from_url: fn(&str) -> Result<Value>,
}

/// How a connector is written.
#[derive(Debug)]
pub struct SinkEntry {
    /// As [`SourceEntry::schema`].
    pub schema: fn() -> Schema,
    /// A sink from a checked configuration, without reaching anything.
    pub build: fn(Value) -> Result<Arc<dyn Sink>>,
    /// As [`SourceEntry::from_url`].
    pub from_url: fn(&str) -> Result<Value>,
}

impl Connector {
    /// The schemas of its source and sink.
    #[must_use]
    pub fn schemas(&self) -> Vec<Schema> {
        let source = self.source.as_ref().map(|entry| (entry.schema)());
        source.into_iter().chain(self.sink.as_ref().map(|entry| (entry.schema)())).collect()
    }
}

#[cfg(test)]
mod tests;
