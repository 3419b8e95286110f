//! Avro schemas of keys and values, registered before the first record is written.
use std::sync::Arc;

use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Error, Kind, Result};
use thyme_formats::avro::schema_of;

use crate::config::{Connection, Format, KafkaSinkConfig};
use crate::registry::{Registry, Strategy, subject};

/// The ids that the registry gave the schemas, where there are any.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ids {
    /// Of the keys.
    pub(super) key: Option<u32>,
    /// Of the values.
    pub(super) value: Option<u32>,
}

/// Registers the schemas of values of `columns` and of keys of some of them, as far as they are Avro.
///
/// # Errors
/// `Config` without a registry, `Schema` for columns that have no Avro schema or when the registry finds that it does not fit
/// the one before, `Auth`, `Unavailable`.
pub(super) async fn register(
    config: &KafkaSinkConfig,
    connection: &Connection,
    columns: &SchemaRef,
    keys: &[usize],
) -> Result<Ids> {
    let wanted = |is_key: bool| match is_key {
        true => config.key_format == Format::Avro && !keys.is_empty(),
        false => config.format == Format::Avro,
    };
    if !wanted(true) && !wanted(false) {
        return Ok(Ids::default());
    }
    let registry = connection.registry.as_ref().ok_or_else(|| {
        Error::new(Kind::Config, "avro needs a registry for its schemas: set `schema_registry_url`")
            .context("topic", &config.topic)
    })?;
    let registry = Registry::new(registry)?;
    let mut ids = Ids::default();
    if wanted(true) {
        let keys = columns.project(keys).map_err(|e| Error::new(Kind::Schema, "a key field is no column").source(e))?;
        ids.key = Some(one(&registry, config, &Arc::new(keys), true).await?);
    }
    if wanted(false) {
        ids.value = Some(one(&registry, config, columns, false).await?);
    }
    Ok(ids)
}

async fn one(registry: &Registry, config: &KafkaSinkConfig, columns: &SchemaRef, is_key: bool) -> Result<u32> {
    let name = if is_key { format!("{}_key", config.topic) } else { config.topic.clone() };
    let schema = schema_of(&name, columns)?;
    let subject = subject(Strategy::TopicName, &config.topic, &name, is_key);
    registry.register(&subject, &schema, &[]).await.map_err(|e| e.context("subject", &subject))
}
