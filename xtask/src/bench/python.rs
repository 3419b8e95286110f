//! The Python environment with the peers, and how a program is measured.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::report::Sample;
use crate::repo::{self, Repo};
use crate::{Result, process};

/// The DuckDB that all benchmarks are run beside.
pub(super) const DUCKDB: &str = "duckdb==1.5.5";

/// Says by its exit code whether all packages named are there in the version named.
const THERE: &str = "import sys; from importlib.metadata import version\n\
                     sys.exit(any(version(p.split('==')[0]) != p.split('==')[1] for p in sys.argv[1:]))";

/// A Python of our own with the peers in it.
pub(super) struct Python {
    program: PathBuf,
    measure: PathBuf,
    folder: PathBuf,
}

impl Python {
    /// Makes the environment below the build directory, once, and installs what is missing of `packages` (`name==version`).
    pub(super) fn new(repo: &Repo, folder: &Path, packages: &[&str]) -> Result<Self> {
        let venv = repo.target.join("bench-venv");
        let program = venv.join("bin/python");
        if !program.exists() {
            process::run(process::command("python3", &repo.root).args(["-m", "venv"]).arg(&venv))?;
        }
        let mut there = process::command(&program, &repo.root);
        there.arg("-c").arg(THERE).args(packages).stderr(Stdio::null());
        if !there.status().is_ok_and(|status| status.success()) {
            let mut pip = process::command(&program, &repo.root);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            process::run(pip.args(packages))?;
        }
        println!("From PyPI: {}.", packages.join(", "));
        let measure = folder.join("measure.py");
        repo::write(&measure, include_str!("measure.py"))?;
        Ok(Self { program, measure, folder: folder.to_path_buf() })
    }

    /// Runs a few statements.
    pub(super) fn run(&self, statements: &str) -> Result {
        process::run(process::command(&self.program, &self.folder).args(["-c", statements]))
    }

    /// Runs a program on so many processors, and measures the whole process with its children. What it printed is in the log.
    pub(super) fn measure(&self, command: &Command, processors: u32) -> Result<Sample> {
        let mut outer = process::command(&self.program, &self.folder);
        outer.arg(&self.measure).arg(self.log_file()).arg(processors.to_string());
        let text = process::output(outer.arg(command.get_program()).args(command.get_args()))?;
        let value: Value = serde_json::from_str(&text).map_err(|e| format!("measure.py: {e}"))?;
        if value["code"].as_i64() != Some(0) {
            return Err(format!("{}: ended with {}\n{}", process::show(command), value["code"], self.log()?));
        }
        let number = |name: &str| value[name].as_f64().unwrap_or(f64::NAN);
        Ok(Sample { wall: number("wall"), cpu: number("cpu"), rss: number("rss") })
    }

    /// What the program measured last has printed.
    pub(super) fn log(&self) -> Result<String> {
        repo::read(&self.log_file())
    }

    /// Runs a script, which prints JSON in its last line. Its `seconds` are the wall time, without Python's start.
    pub(super) fn script<'a>(
        &self,
        processors: u32,
        script: &Path,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Result<(Sample, Value)> {
        let mut command = process::command(&self.program, &self.folder);
        command.arg(script).args(args);
        let mut sample = self.measure(&command, processors)?;
        let log = self.log()?;
        let value: Value =
            serde_json::from_str(log.lines().last().unwrap_or_default()).map_err(|e| format!("{}: {e}", script.display()))?;
        sample.wall = value["seconds"].as_f64().unwrap_or(f64::NAN);
        Ok((sample, value))
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("run.log")
    }
}
