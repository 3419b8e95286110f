//! What the registry knows about a provider.
use std::sync::Arc;

use schemars::{Schema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thyme_core::connector::{Connector, SinkEntry, SourceEntry, percent_decode};
use thyme_core::{Error, Kind, Result, Sink, Source};

use super::config::{BucketConfig, SinkConfig, SourceConfig};
use super::provider::Provider;
use super::{BucketSink, BucketSource};

/// The connector of a provider, by the configurations of its source and its sink; `summary` is what it says of itself.
#[must_use]
pub const fn connector<R, W>(summary: &'static str) -> Connector
where
    R: SourceConfig,
    W: SinkConfig<Provider = <R as BucketConfig>::Provider>,
{
    Connector {
        name: R::Provider::NAME,
        summary,
        schemes: R::Provider::SCHEMES,
        delivery: "exactly once: an intent put with a condition, then copies under a condition; no object that was visible is ever changed",
        metrics: crate::read::METRICS,
        source: Some(SourceEntry { schema: schema::<R>, build: source::<R>, from_url: uri }),
        sink: Some(SinkEntry { schema: schema::<W>, build: sink::<W>, from_url: uri }),
    }
}

fn schema<C: BucketConfig>() -> Schema {
    schema_for!(C)
}

fn source<C: SourceConfig>(value: Value) -> Result<Arc<dyn Source>> {
    let source = BucketSource::<C>::new(config(value)?);
    source.validate()?;
    Ok(Arc::new(source))
}

fn sink<C: SinkConfig>(value: Value) -> Result<Arc<dyn Sink>> {
    let sink = BucketSink::<C>::new(config(value)?);
    sink.validate()?;
    Ok(Arc::new(sink))
}

fn config<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, e.to_string()))
}

/// The bucket and path in `s3://bucket/path/*.jsonl`.
fn uri(url: &str) -> Result<Value> {
    Ok(json!({ "bucket_uri": percent_decode(url)? }))
}
