//! A file in TOML, YAML or JSON as one tree, with the line of each place where the format tells it.
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use thyme_core::config::Problem;

use super::Finding;

mod toml;
mod yaml;

/// The content of a file and the lines (from 1) of its places: `pipeline[0].source.table`.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) lines: BTreeMap<String, usize>,
}

/// Reads `path` by its extension.
pub(super) fn read(path: &Path) -> Result<Document, Finding> {
    let whole = |message: String| Finding::new(path, None, Problem::new("file", message));
    let text = std::fs::read_to_string(path).map_err(|e| whole(format!("cannot be read: {e}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let read = match extension.as_str() {
        "toml" => toml::parse(text),
        "yaml" | "yml" => yaml::parse(text),
        "json" => json(text),
        _ => Err((None, "a pipeline file ends in .toml, .yaml, .yml or .json".to_owned())),
    };
    read.map_err(|(line, message)| Finding { line, ..whole(message) })
}

/// A mistake of syntax: its line, where known, and what it is.
type Syntax = (Option<usize>, String);

fn json(text: &str) -> Result<Document, Syntax> {
    let value = serde_json::from_str(text).map_err(|e| (Some(e.line()).filter(|line| *line > 0), e.to_string()))?;
    Ok(Document { value, lines: BTreeMap::new() })
}

impl Document {
    /// The line of `place`, or of the nearest place around it.
    pub(super) fn line(&self, place: &str) -> Option<usize> {
        let mut place = place;
        loop {
            if let Some(line) = self.lines.get(place) {
                return Some(*line);
            }
            place = &place[..place.rfind(['.', '['])?];
        }
    }
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}
