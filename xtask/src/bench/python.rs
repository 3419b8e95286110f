//! The Python environment with DuckDB, and the scripts that run and measure.
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::repo::{self, Repo};
use crate::{Result, process};

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Seconds.
    pub(super) wall: f64,
    /// Seconds of all threads, in user and system mode.
    pub(super) cpu: f64,
    /// Peak resident memory in MB.
    pub(super) rss: f64,
}

/// A Python of our own with DuckDB in it.
pub(super) struct Python {
    python: PathBuf,
    measure: PathBuf,
    duck: PathBuf,
    folder: PathBuf,
}

impl Python {
    /// Makes the environment below the build directory, once.
    pub(super) fn new(repo: &Repo, folder: &Path) -> Result<Self> {
        let venv = repo.target.join("bench-venv");
        let python = venv.join("bin/python");
        if !python.exists() {
            process::run(process::command("python3", &repo.root).args(["-m", "venv"]).arg(&venv))?;
        }
        let there =
            process::output(process::command(&python, &repo.root).args(["-c", "import duckdb; print(duckdb.__version__)"]));
        let version = match there {
            Ok(version) if version.starts_with("1.5.") => version,
            _ => {
                process::run(process::command(&python, &repo.root).args(["-m", "pip", "install", "--quiet", "duckdb==1.5.*"]))?;
                process::output(process::command(&python, &repo.root).args(["-c", "import duckdb; print(duckdb.__version__)"]))?
            }
        };
        println!("DuckDB {} from PyPI", version.trim());
        let (measure, duck) = (folder.join("measure.py"), folder.join("duck.py"));
        repo::write(&measure, include_str!("measure.py"))?;
        repo::write(&duck, include_str!("duck.py"))?;
        Ok(Self { python, measure, duck, folder: folder.to_path_buf() })
    }

    /// Runs a program on as many processors as it has threads, and measures the whole process.
    pub(super) fn measure(&self, command: &Command, threads: u32) -> Result<Sample> {
        let log = self.folder.join("run.log");
        let mut outer = process::command(&self.python, &self.folder);
        outer.arg(&self.measure).arg(&log).arg(threads.to_string()).arg(command.get_program()).args(command.get_args());
        let text = process::output(&mut outer)?;
        let value: Value = serde_json::from_str(&text).map_err(|e| format!("measure.py: {e}"))?;
        if value["code"].as_i64() != Some(0) {
            return Err(format!("{}: ended with {}\n{}", process::show(command), value["code"], repo::read(&log)?));
        }
        let number = |name: &str| value[name].as_f64().unwrap_or(f64::NAN);
        Ok(Sample { wall: number("wall"), cpu: number("cpu"), rss: number("rss") })
    }

    /// Runs a statement in DuckDB with so many threads. The wall time is the statement's alone, without Python's start.
    pub(super) fn statement(&self, threads: u32, settings: &[String], statement: &str) -> Result<(Sample, Vec<Vec<String>>)> {
        let mut command = process::command(&self.python, &self.folder);
        command.arg(&self.duck).arg(format!("SET threads = {threads}")).args(settings).arg(statement);
        let mut sample = self.measure(&command, threads)?;
        let log = repo::read(&self.folder.join("run.log"))?;
        let value: Value = serde_json::from_str(log.lines().last().unwrap_or_default()).map_err(|e| format!("duck.py: {e}"))?;
        sample.wall = value["seconds"].as_f64().unwrap_or(f64::NAN);
        let row = |row: &Value| row.as_array().into_iter().flatten().map(|c| c.as_str().unwrap_or_default().to_owned()).collect();
        Ok((sample, value["rows"].as_array().into_iter().flatten().map(row).collect()))
    }
}
