//! The JSON schema of a pipeline file, for editors.
use serde_json::{Map, Value, json};
use thyme_core::{Connector, Registry};

use super::keys;

/// The JSON schema of a whole pipeline file, with the fields of every connector in `registry`.
#[must_use]
pub fn json_schema(registry: &Registry) -> Value {
    let mut definitions = Map::new();
    definitions.insert("reference".into(), reference());
    let pipeline = adopt(keys::schema().to_value(), "pipeline", &mut definitions);
    let (mut sources, mut sinks, mut connections) = (Vec::new(), Vec::new(), Vec::new());
    for connector in registry.connectors() {
        let sides = [
            ("source", connector.source.as_ref().map(|e| (e.schema)())),
            ("sink", connector.sink.as_ref().map(|e| (e.schema)())),
        ];
        let mut places = Map::new();
        for (side, schema) in sides {
            let Some(schema) = schema else { continue };
            let named = format!("{}.{side}", connector.name);
            let table = adopt(schema.to_value(), &named, &mut definitions);
            let all = table.get("properties").and_then(Value::as_object).into_iter().flatten();
            places.extend(all.filter(|(_, f)| f.get("x-connection").is_some()).map(|(n, f)| (n.clone(), f.clone())));
            let list = if side == "source" { &mut sources } else { &mut sinks };
            list.push(json!({ "$ref": format!("#/$defs/{named}") }));
            definitions.insert(named, of(connector, table));
        }
        connections.push(connection(connector, places));
    }
    let mut pipeline = pipeline;
    place(&mut pipeline, "source", sources);
    place(&mut pipeline, "sink", sinks);
    definitions.insert("pipeline".into(), pipeline);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Thyme pipeline file",
        "type": "object",
        "properties": {
            "$schema": { "type": "string" },
            "connections": {
                "description": "Connections by name, for any number of pipelines.",
                "type": "object",
                "additionalProperties": { "anyOf": connections },
            },
            "pipeline": { "type": "array", "items": { "$ref": "#/$defs/pipeline" } },
        },
        "required": ["pipeline"],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// What may stand for any text.
fn reference() -> Value {
    json!({
        "description": "A text from the environment, or a secret from a file.",
        "type": "object",
        "properties": { "env": { "type": "string" }, "file": { "type": "string" }, "default": { "type": "string" } },
        "anyOf": [{ "required": ["env"] }, { "required": ["file"] }],
        "additionalProperties": false,
    })
}

/// The fields of a source or sink, beside `type` and `connection`.
fn of(connector: &Connector, mut table: Value) -> Value {
    let kind = json!({ "description": connector.summary, "const": connector.name });
    if let Some(properties) = table.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("type".into(), kind);
        properties.insert("connection".into(), json!({ "description": "The name of a connection.", "type": "string" }));
    }
    if let Some(table) = table.as_object_mut() {
        table.insert("anyOf".into(), json!([{ "required": ["type"] }, { "required": ["connection"] }]));
    }
    table
}

fn connection(connector: &Connector, mut properties: Map<String, Value>) -> Value {
    properties.insert("type".into(), json!({ "description": connector.summary, "const": connector.name }));
    json!({ "type": "object", "properties": properties, "required": ["type"], "additionalProperties": false })
}

fn place(pipeline: &mut Value, side: &str, options: Vec<Value>) {
    if let Some(field) = pipeline.pointer_mut(&format!("/properties/{side}")) {
        let text = field.get("description").cloned().unwrap_or_default();
        *field = json!({ "description": text, "anyOf": options });
    }
}

/// `schema` as a part of the whole: its definitions move to `definitions` under `name`, texts take references, other spellings
/// are fields of their own, and what may come from elsewhere is not required.
fn adopt(mut schema: Value, name: &str, definitions: &mut Map<String, Value>) -> Value {
    let own = schema.as_object_mut().and_then(|schema| {
        schema.remove("$schema");
        schema.remove("$defs")
    });
    if let Some(Value::Object(own)) = own {
        for (key, mut definition) in own {
            rewrite(&mut definition, name);
            definitions.insert(format!("{name}.{key}"), definition);
        }
    }
    rewrite(&mut schema, name);
    schema
}

fn rewrite(schema: &mut Value, name: &str) {
    let Value::Object(table) = schema else { return };
    if let Some(Value::String(path)) = table.get_mut("$ref") {
        *path = path.replacen("#/$defs/", &format!("#/$defs/{name}."), 1);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(options)) = table.get_mut(word) {
            options.iter_mut().for_each(|option| rewrite(option, name));
        }
    }
    for word in ["items", "additionalProperties"] {
        if let Some(inner) = table.get_mut(word) {
            rewrite(inner, name);
            texts(inner);
        }
    }
    spellings(table, name);
}

/// The fields of a table: each by all its names.
fn spellings(table: &mut Map<String, Value>, name: &str) {
    let Some(Value::Object(properties)) = table.get_mut("properties") else { return };
    let (mut others, mut optional) = (Vec::new(), Vec::new());
    for (own, field) in properties.iter_mut() {
        rewrite(field, name);
        texts(field);
        let aliases: Vec<String> =
            field.get("x-aliases").and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default();
        if !aliases.is_empty() || field.get("x-connection").is_some() {
            optional.push(own.clone());
        }
        others.extend(aliases.into_iter().map(|alias| (alias, field.clone())));
    }
    properties.extend(others);
    if let Some(Value::Array(required)) = table.get_mut("required") {
        required.retain(|field| !optional.iter().any(|other| field == other));
    }
}

/// Lets a reference stand for a text, beside what describes the field.
fn texts(field: &mut Value) {
    let Value::Object(table) = field else { return };
    let text = match table.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(many)) => many.iter().any(|one| one == "string"),
        _ => false,
    };
    if !text {
        return;
    }
    let mut outer = Map::new();
    for word in ["description", "default", "x-connection", "x-aliases", "x-secret", "x-path", "x-value-aliases"] {
        if let Some(value) = table.shift_remove(word) {
            outer.insert(word.into(), value);
        }
    }
    let inner = std::mem::take(table);
    outer.insert("anyOf".into(), json!([inner, { "$ref": "#/$defs/reference" }]));
    *table = outer;
}
