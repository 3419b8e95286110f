//! What a topic says about its columns.
use std::sync::Arc;

use thyme_core::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use thyme_core::{Dataset, Kind, Result};
use thyme_formats::{avro, debezium};

use super::columns;
use crate::config::{Format, KafkaSourceConfig};
use crate::registry::{Registered, Registry, Strategy, subject};

/// The columns of the first topic; `None` where only the user can say.
pub(super) async fn dataset(config: &KafkaSourceConfig) -> Result<Option<Dataset>> {
    let name = config.topic.first().cloned().unwrap_or_default();
    let (fields, key): (Vec<FieldRef>, Vec<String>) = match config.format {
        Format::String => (vec![Arc::new(Field::new("value", DataType::Utf8, true))], Vec::new()),
        Format::Bytes => (vec![Arc::new(Field::new("value", DataType::Binary, true))], Vec::new()),
        Format::Avro => {
            let Some(found) = config.connection()?.registry.as_ref().map(Registry::new).transpose()? else { return Ok(None) };
            registered(&found, &name).await?
        }
        Format::Json | Format::Csv => return Ok(None),
    };
    let fields: Vec<FieldRef> = fields.into_iter().chain(columns::about(config)).collect();
    Dataset::new(name, Arc::new(Schema::new(fields)))?.with_key(key).map(Some)
}

/// Columns and key by the schemas that the registry has for a topic.
async fn registered(registry: &Registry, topic: &str) -> Result<(Vec<FieldRef>, Vec<String>)> {
    let of = |is_key| subject(Strategy::TopicName, topic, "", is_key);
    let value = registry.latest(&of(false)).await?.schema;
    let fields = |schema: Schema| schema.fields().iter().cloned().collect::<Vec<_>>();
    if !is_envelope(&value) {
        return Ok((fields(avro::columns(&value.schema, &value.references)?), Vec::new()));
    }
    let key = match registry.latest(&of(true)).await {
        Ok(key) => Some(key.schema),
        Err(error) if error.kind() == Kind::NotFound => None,
        Err(error) => return Err(error),
    };
    let references: Vec<String> = value.references.iter().chain(key.iter().flat_map(|key| &key.references)).cloned().collect();
    let (schema, key) = debezium::discover_avro(key.as_ref().map(|key| key.schema.as_str()), &value.schema, &references)?;
    Ok((fields(schema), key))
}

/// Whether a schema is of Debezium's envelopes.
fn is_envelope(schema: &Registered) -> bool {
    let Ok(schema) = serde_json::from_str::<serde_json::Value>(&schema.schema) else { return false };
    let fields = schema.get("fields").and_then(serde_json::Value::as_array);
    let has = |name: &str| fields.is_some_and(|fields| fields.iter().any(|field| field.get("name").is_some_and(|n| n == name)));
    has("before") && has("after") && has("op")
}
