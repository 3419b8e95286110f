//! What the registry is told and what it answers.
use serde::Deserialize;
use serde_json::{Value, json};
use thyme_core::{Error, Kind, Result};

use super::Reference;

#[derive(Debug, Deserialize)]
pub(super) struct Schema {
    pub(super) schema: String,
    /// Left out for Avro.
    #[serde(rename = "schemaType")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) references: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) id: u32,
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) schema: Schema,
}

#[derive(Debug, Deserialize)]
pub(super) struct Id {
    pub(super) id: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Compatible {
    pub(super) is_compatible: bool,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) messages: Vec<String>,
}

/// Registries do not agree on the name.
#[derive(Debug, Deserialize)]
pub(super) struct Level {
    #[serde(alias = "compatibilityLevel", rename = "compatibility")]
    pub(super) level: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) error_code: i64,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) message: String,
}

fn or_empty<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> std::result::Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The body that a schema is sent in.
pub(super) fn body(schema: &str, references: &[Reference]) -> Result<Value> {
    let references = serde_json::to_value(references);
    let references = references.map_err(|e| Error::new(Kind::Unexpected, "a reference that has no json").source(e))?;
    Ok(match references.as_array().is_some_and(Vec::is_empty) {
        true => json!({ "schema": schema }),
        false => json!({ "schema": schema, "references": references }),
    })
}
