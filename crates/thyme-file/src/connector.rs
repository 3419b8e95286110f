//! What the registry knows about this crate.
use std::sync::Arc;

use schemars::schema_for;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thyme_core::connector::{Connector, SinkEntry, SourceEntry, percent_decode};
use thyme_core::{Error, Kind, Result};

use crate::{FileSink, FileSinkConfig, FileSource, FileSourceConfig, StdoutSink, StdoutSinkConfig};

/// Files of this machine.
pub static FILE: Connector = Connector {
    name: "file",
    summary: "files of this machine: JSON, CSV, Parquet, Avro and Arrow",
    schemes: &["file"],
    metrics: thyme_files::read::METRICS,
    delivery: "exactly once: an intent that holds the cursor, then renames; no file that was visible is ever changed",
    source: Some(SourceEntry {
        schema: || schema_for!(FileSourceConfig),
        build: |value| {
            let source = FileSource::new(config(value)?);
            source.validate()?;
            Ok(Arc::new(source))
        },
        from_url: path,
    }),
    sink: Some(SinkEntry {
        schema: || schema_for!(FileSinkConfig),
        build: |value| {
            let sink = FileSink::new(config(value)?);
            sink.validate()?;
            Ok(Arc::new(sink))
        },
        from_url: path,
    }),
};

/// Standard output.
pub static STDOUT: Connector = Connector {
    name: "stdout",
    summary: "rows on standard output, as JSON lines or CSV",
    schemes: &["-", "stdout"],
    metrics: &[],
    delivery: "at least once: after a crash the rows since the last commit come again",
    source: None,
    sink: Some(SinkEntry {
        schema: || schema_for!(StdoutSinkConfig),
        build: |value| {
            let sink = StdoutSink::new(config(value)?);
            sink.validate()?;
            Ok(Arc::new(sink))
        },
        from_url: |_| Ok(json!({})),
    }),
};

fn config<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, e.to_string()))
}

/// The path in `file:a/*.csv`, `file:///a/*.csv`, or `a/*.csv`.
fn path(url: &str) -> Result<Value> {
    let path = url.strip_prefix("file:").map_or(url, |rest| rest.strip_prefix("//").unwrap_or(rest));
    Ok(json!({ "path": percent_decode(path)? }))
}
