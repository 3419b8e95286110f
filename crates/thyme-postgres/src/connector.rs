//! What the registry knows about this crate.
use std::sync::Arc;

use schemars::schema_for;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thyme_core::connector::{Connector, SinkEntry, SourceEntry};
use thyme_core::{Error, Kind, Result};

use crate::config::from_url;
use crate::source::METRICS;
use crate::{PostgresSink, PostgresSinkConfig, PostgresSource, PostgresSourceConfig};

/// Tables of PostgreSQL.
pub static POSTGRES: Connector = Connector {
    name: "postgres",
    summary: "tables and queries of PostgreSQL",
    schemes: &["postgres", "postgresql"],
    metrics: METRICS,
    delivery: "exactly once: rows and the cursor in one transaction, guarded by a fence",
    source: Some(SourceEntry {
        schema: || schema_for!(PostgresSourceConfig),
        build: |value| {
            let source = PostgresSource::new(config(value)?);
            source.validate()?;
            Ok(Arc::new(source))
        },
        from_url,
    }),
    sink: Some(SinkEntry {
        schema: || schema_for!(PostgresSinkConfig),
        build: |value| {
            let sink = PostgresSink::new(config(value)?);
            sink.validate()?;
            Ok(Arc::new(sink))
        },
        from_url,
    }),
};

fn config<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, e.to_string()))
}
