//! Pipeline files: TOML, YAML or JSON, checked as a whole before anything is reached.
mod begin;
mod dataset;
mod document;
mod finding;
mod keys;
mod pipeline;
mod schema;
mod side;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thyme_core::Registry;
use thyme_core::config::{self, Context, FieldInfo, Problem};

pub use finding::Finding;
pub use schema::json_schema;

use crate::Pipeline;
use document::Document;
use side::{Connections, Sides};

/// A pipeline of a file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file it stands in.
    pub file: PathBuf,
    /// What it does.
    pub pipeline: Pipeline,
    /// Whether `thyme run` runs it.
    pub enabled: bool,
}

/// The keys of a pipeline, for people.
#[must_use]
pub fn keys() -> Vec<FieldInfo> {
    config::fields(&keys::schema(), "")
}

/// The pipelines of `files`, in their order. Nothing is reached; environment variables and the files of secrets are read.
///
/// # Errors
/// Every mistake of every file at once, by file and line.
pub fn load(files: &[impl AsRef<Path>], registry: &Registry) -> Result<Vec<Loaded>, Vec<Finding>> {
    let (mut loaded, mut findings) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files {
        let file = file.as_ref();
        match document::read(file) {
            Ok(document) => {
                let mut reading = Reading { file, document: &document, registry, names: &mut names, findings: Vec::new() };
                loaded.extend(reading.pipelines());
                let mut found = reading.findings;
                found.sort_by_key(|finding| finding.line);
                findings.extend(found);
            }
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() { Ok(loaded) } else { Err(findings) }
}

struct Reading<'a> {
    file: &'a Path,
    document: &'a Document,
    registry: &'a Registry,
    /// Names that were used, and where.
    names: &'a mut BTreeMap<String, PathBuf>,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    fn pipelines(&mut self) -> Vec<Loaded> {
        let Value::Object(top) = &self.document.value else {
            self.add("", "", Problem::new("file", "expected `[connections.…]` and `[[pipeline]]` tables"));
            return Vec::new();
        };
        for key in top.keys().filter(|key| !matches!(key.as_str(), "connections" | "pipeline" | "$schema")) {
            let problem = Problem::new(key, format!("unknown key `{key}`"));
            self.add("", "", problem.nearest(key, ["connections", "pipeline"]));
        }
        let folder = std::path::absolute(self.file).ok().and_then(|file| file.parent().map(Path::to_owned));
        let connections = self.connections(top.get("connections"), folder.as_deref());
        let keys = config::fields(&keys::schema(), "");
        let registry = self.registry;
        let sides = Sides { registry, folder: folder.as_deref(), connections: &connections, keys: &keys };
        let tables = match top.get("pipeline") {
            Some(Value::Array(tables)) => tables.as_slice(),
            Some(Value::Null) | None => {
                self.add("", "", Problem::new("file", "there is no pipeline").help("start one by `[[pipeline]]`"));
                &[]
            }
            Some(_) => {
                self.add(
                    "",
                    "",
                    Problem::new("pipeline", "expected a list of pipelines").help("in TOML it is written `[[pipeline]]`"),
                );
                &[]
            }
        };
        let each = |(i, table)| self.pipeline(i, table, &sides);
        tables.iter().enumerate().filter_map(each).collect()
    }

    fn pipeline(&mut self, i: usize, table: &Value, sides: &Sides<'_>) -> Option<Loaded> {
        let raw = format!("pipeline[{i}]");
        let Value::Object(table) = table else {
            self.add("", "", Problem::new(raw, "expected the table of a pipeline"));
            return None;
        };
        let name = table.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let place = name.map_or_else(|| raw.clone(), |name| format!("pipeline.{name}"));
        let read = pipeline::read(&place, table.clone(), sides);
        let mut problems = read.as_ref().err().cloned().unwrap_or_default();
        if let Some(first) = name.and_then(|name| self.names.insert(name.to_owned(), self.file.to_owned())) {
            let of = if first == self.file { "this file".to_owned() } else { first.display().to_string() };
            let problem = Problem::new(format!("{place}.name"), format!("{of} has another pipeline of this name"));
            problems.push(problem.help("names are unique: state is kept under them"));
        }
        let sound = problems.is_empty();
        problems.into_iter().for_each(|problem| self.add(&place, &raw, problem));
        let (pipeline, enabled) = read.ok().filter(|_| sound)?;
        Some(Loaded { file: self.file.to_owned(), pipeline, enabled })
    }

    /// The connections of the file, checked; those of a type that is not there are left out.
    fn connections(&mut self, tables: Option<&Value>, folder: Option<&Path>) -> Connections {
        let mut connections = Connections::new();
        let tables = match tables {
            Some(Value::Object(tables)) => tables,
            Some(Value::Null) | None => return connections,
            Some(_) => {
                self.add("", "", Problem::new("connections", "expected a table of connections"));
                return connections;
            }
        };
        for (name, table) in tables {
            let place = format!("connections.{name}");
            match self.connection(&place, table, folder) {
                Ok((kind, fields)) => drop(connections.insert(name.clone(), (kind, fields))),
                Err(problem) => self.add("", "", problem),
            }
        }
        connections
    }

    fn connection(&mut self, place: &str, table: &Value, folder: Option<&Path>) -> Result<(String, Map<String, Value>), Problem> {
        let mut fields = table.as_object().cloned().ok_or_else(|| Problem::new(place, "expected the table of a connection"))?;
        let at = format!("{place}.type");
        let kind = match fields.shift_remove("type") {
            Some(Value::String(kind)) => kind,
            Some(_) => return Err(Problem::new(at, "expected the name of a connector")),
            None => return Err(Problem::new(at, "`type` is missing").help("give the connector's name")),
        };
        match self.registry.find(&kind, &at) {
            Ok(connector) => {
                let context = Context { folder, ..Context::new(place) };
                for problem in config::check_connection(&connector.schemas(), &fields, &context) {
                    self.add("", "", problem);
                }
            }
            Err(problem) => self.add("", "", problem),
        }
        Ok((kind, fields))
    }

    /// A problem whose place begins with `shown`, which stands at `raw` in the file.
    fn add(&mut self, shown: &str, raw: &str, problem: Problem) {
        let place = problem.place.split(" (").next().unwrap_or_default();
        let line = match place.strip_prefix(shown).filter(|_| !shown.is_empty()) {
            Some(rest) => self.document.line(&format!("{raw}{rest}")),
            None => self.document.line(place),
        };
        let finding = Finding::new(self.file, line, problem);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests;
