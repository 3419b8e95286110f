//! What the registry knows about this crate.
use std::sync::Arc;

use schemars::schema_for;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thyme_core::connector::{Connector, SinkEntry, SourceEntry};
use thyme_core::{Error, Kind, Result};

use crate::config::from_url;
use crate::{KafkaSink, KafkaSinkConfig, KafkaSource, KafkaSourceConfig};

/// Topics of Apache Kafka.
pub static KAFKA: Connector = Connector {
    name: "kafka",
    summary: "topics of Apache Kafka, as JSON, Avro, text, bytes or CSV",
    schemes: &["kafka"],
    delivery: "exactly once: records and the cursor in one transaction, fenced by its id",
    metrics: &[],
    source: Some(SourceEntry {
        schema: || schema_for!(KafkaSourceConfig),
        build: |value| {
            let source = KafkaSource::new(config(value)?);
            source.validate()?;
            Ok(Arc::new(source))
        },
        from_url,
    }),
    sink: Some(SinkEntry {
        schema: || schema_for!(KafkaSinkConfig),
        build: |value| {
            let sink = KafkaSink::new(config(value)?);
            sink.validate()?;
            Ok(Arc::new(sink))
        },
        from_url,
    }),
};

fn config<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, e.to_string()))
}
