//! DuckDB's side.
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::python::Python;
use crate::bench::report::Sample;
use crate::{Result, repo};

/// DuckDB in a Python of our own.
pub(in crate::bench) struct DuckDb {
    script: PathBuf,
}

impl DuckDb {
    pub(in crate::bench) fn new(folder: &Path) -> Result<Self> {
        let script = folder.join("duck.py");
        repo::write(&script, include_str!("duck.py"))?;
        Ok(Self { script })
    }

    /// Runs a statement with so many threads. The wall time is the statement's alone, without Python's start.
    pub(in crate::bench) fn statement(
        &self,
        python: &Python,
        threads: u32,
        settings: &[String],
        statement: &str,
    ) -> Result<(Sample, Vec<Vec<String>>)> {
        let set = format!("SET threads = {threads}");
        let args = std::iter::once(set.as_str()).chain(settings.iter().map(String::as_str)).chain([statement]);
        let (sample, value) = python.script(threads, &self.script, args)?;
        let row = |row: &Value| row.as_array().into_iter().flatten().map(|c| c.as_str().unwrap_or_default().to_owned()).collect();
        Ok((sample, value["rows"].as_array().into_iter().flatten().map(row).collect()))
    }
}
