//! The peers: those in Python, faucet, and rivet.
use std::path::{Path, PathBuf};

use super::{Bench, equal, table};
use crate::bench::python::DUCKDB;
use crate::bench::report::Sample;
use crate::bench::text;
use crate::{Result, process, repo};

/// Pinned, as they were measured.
pub(super) const PACKAGES: &[&str] = &[
    DUCKDB,
    "duckdb-extensions==1.5.5",
    "duckdb-extension-postgres-scanner==1.5.5",
    "connectorx==0.4.6",
    "adbc-driver-postgresql==1.13.0",
    "pyarrow==26.0.1",
];

/// The script of those in Python.
pub(super) struct Peers {
    script: PathBuf,
}

impl Peers {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let script = folder.join("peers.py");
        repo::write(&script, include_str!("peers.py"))?;
        Ok(Self { script })
    }
}

impl Bench {
    /// Runs a function of the script, which counts its rows.
    pub(super) fn peer(&self, name: &str, args: &[&str], rows: u64) -> Result<Sample> {
        let url = self.server.url();
        let args = [name, &url].into_iter().chain(args.iter().copied());
        let (sample, value) = self.python.script(self.processors, &self.peers.script, args)?;
        equal(value["rows"].as_u64().unwrap_or_default(), rows).map(|()| sample)
    }

    /// The one value of a query of DuckDB, over files.
    pub(super) fn duckdb_value(&self, query: &str) -> Result<String> {
        let url = self.server.url();
        let (_, value) = self.python.script(self.processors, &self.peers.script, ["duckdb_value", &url, query])?;
        Ok(value["rows"].as_str().map_or_else(|| value["rows"].to_string(), str::to_owned))
    }

    /// From the table to lines of JSON.
    pub(super) fn faucet(&self, binary: &Path, out: &Path) -> Result<Sample> {
        let config = format!(
            "version: 1\nname: bench\npipeline:\n  source:\n    type: postgres\n    config:\n      connection_url: {}\n      \
             query: SELECT * FROM {}\n  sink:\n    type: jsonl\n    config:\n      path: {}\n",
            self.server.url(),
            table::TABLE,
            text(out)?
        );
        self.program(binary, &["run"], "faucet.yaml", &config)
    }

    /// From the table to Parquet.
    pub(super) fn rivet(&self, binary: &Path, out: &Path) -> Result<Sample> {
        let config = format!(
            "source:\n  type: postgres\n  url: {}\nexports:\n  - name: bench\n    query: SELECT * FROM {}\n    mode: full\n    \
             format: parquet\n    compression: snappy\n    destination:\n      type: local\n      path: {}\n",
            self.server.url(),
            table::TABLE,
            text(out)?
        );
        self.program(binary, &["run", "--config"], "rivet.yaml", &config)
    }

    /// A program that reads what it is to do in a file.
    fn program(&self, binary: &Path, args: &[&str], file: &str, config: &str) -> Result<Sample> {
        let file = self.folder.join(file);
        repo::write(&file, config)?;
        let mut command = process::command(binary, &self.folder);
        command.args(args).arg(&file);
        self.measure(&command)
    }
}
