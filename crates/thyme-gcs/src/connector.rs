//! What the registry knows about this crate.
use std::sync::Arc;

use schemars::schema_for;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thyme_core::connector::{Connector, SinkEntry, SourceEntry, percent_decode};
use thyme_core::{Error, Kind, Result};

use crate::reach::SCHEMES;
use crate::{GcsSink, GcsSinkConfig, GcsSource, GcsSourceConfig};

/// Google Cloud Storage.
pub static GCS: Connector = Connector {
    name: "gcs",
    summary: "objects of Google Cloud Storage: JSON, CSV, Parquet, Avro and Arrow",
    schemes: &SCHEMES,
    delivery: "exactly once: an intent put with a condition, then copies under a condition; no object that was visible is ever changed",
    metrics: thyme_files::read::METRICS,
    source: Some(SourceEntry {
        schema: || schema_for!(GcsSourceConfig),
        build: |value| {
            let source = GcsSource::new(config(value)?);
            source.validate()?;
            Ok(Arc::new(source))
        },
        from_url: uri,
    }),
    sink: Some(SinkEntry {
        schema: || schema_for!(GcsSinkConfig),
        build: |value| {
            let sink = GcsSink::new(config(value)?);
            sink.validate()?;
            Ok(Arc::new(sink))
        },
        from_url: uri,
    }),
};

fn config<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, e.to_string()))
}

/// The bucket and path in `gs://bucket/path/*.jsonl`.
fn uri(url: &str) -> Result<Value> {
    Ok(json!({ "bucket_uri": percent_decode(url)? }))
}
