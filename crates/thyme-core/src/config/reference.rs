//! `{ env = "NAME", default = "…" }` and `{ file = "…" }` in place of a text.
use std::path::Path;

use serde_json::{Map, Value};

use super::{Context, Problem};

/// Whether a table stands for a text.
pub(super) fn is_reference(table: &Map<String, Value>) -> bool {
    let known = |key: &String| matches!(key.as_str(), "env" | "default" | "file");
    (table.contains_key("env") || table.contains_key("file")) && table.keys().all(known)
}

/// The text that a reference stands for.
pub(super) fn resolve(table: &Map<String, Value>, secret: bool, place: &str, context: &Context<'_>) -> Result<String, Problem> {
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() || key == "default" => Ok(Some(text.as_str())),
        Some(_) => Err(Problem::new(format!("{place}.{key}"), format!("`{key}` is a text that is not empty"))),
    };
    let (env, file, default) = (text("env")?, text("file")?, text("default")?);
    match (env, file) {
        (Some(name), None) => match (context.env)(name).map_err(|e| Problem::of(place, &e))? {
            Some(value) => Ok(value),
            None => default.map(str::to_owned).ok_or_else(|| {
                Problem::new(place, format!("the environment variable {name} is not set"))
                    .help(format!("set {name}, or give a default: {{ env = \"{name}\", default = \"…\" }}"))
            }),
        },
        (None, Some(path)) if secret => read(path, default, place, context.folder),
        (None, Some(_)) => {
            Err(Problem::new(place, "only a secret is read from a file").help("write the value, or { env = \"NAME\" }"))
        }
        _ => Err(Problem::new(place, "`env` and `file` exclude each other")),
    }
}

fn read(path: &str, default: Option<&str>, place: &str, folder: Option<&Path>) -> Result<String, Problem> {
    let path = folder.map_or_else(|| path.into(), |folder| folder.join(path));
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && default.is_some() => Ok(default.unwrap_or_default().to_owned()),
        Err(e) => Err(Problem::new(place, format!("the secret's file {} cannot be read: {e}", path.display()))),
    }
}
