//! The test binaries of single packages, built like all others: `cargo test --package` would choose other features, and build
//! the dependencies anew.
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::repo::Repo;
use crate::tally::Tally;
use crate::test::FEATURES;
use crate::{Result, process};

/// A program full of tests.
pub(crate) struct Binary {
    pub(crate) package: String,
    /// The target it is built from: `it`, `kafka`.
    pub(crate) target: String,
    /// The folder of its package.
    dir: PathBuf,
    path: PathBuf,
}

/// Builds all tests of the workspace, by the profile `release` or for development, and the program `thyme` with them.
pub(crate) fn build(repo: &Repo, release: bool) -> Result<Vec<Binary>> {
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    process::run(process::cargo(&repo.root).arg("build").args(FEATURES).args(profile).arg("--all-targets"))?;
    let mut cargo = process::cargo(&repo.root);
    cargo.arg("test").args(FEATURES).args(profile).args(["--no-run", "--all-targets", "--message-format=json"]);
    let messages = process::output(&mut cargo)?;
    let mut binaries = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).map_err(|e| format!("{}: {e}", process::show(&cargo)))?;
        let Some(path) = message["executable"].as_str().filter(|_| message["profile"]["test"] == true) else { continue };
        let manifest = message["manifest_path"].as_str().unwrap_or_default();
        let package = repo.packages.iter().find(|package| repo.root.join(&package.dir).join("Cargo.toml") == *manifest);
        let package = package.ok_or_else(|| format!("{path}: of no package of the workspace"))?;
        let target = message["target"]["name"].as_str().unwrap_or_default().to_owned();
        binaries.push(Binary { package: package.name.clone(), target, dir: repo.root.join(&package.dir), path: path.into() });
    }
    Ok(binaries)
}

impl Binary {
    /// The command that runs it as cargo would.
    pub(crate) fn command(&self) -> Command {
        let mut command = process::command(&self.path, &self.dir);
        command.env("CARGO_MANIFEST_DIR", &self.dir).env("THYME_TEST_REQUIRED", "1");
        command
    }

    /// Runs its tests, as `command` says, and counts them.
    pub(crate) fn run(&self, command: &mut Command, tally: &mut Tally) -> Result {
        println!("{}: {}", self.package, process::show(command));
        let before = tally.failed;
        let well = process::lines(command, |line| {
            println!("{line}");
            tally.line(line);
        })?;
        if !well && tally.failed == before {
            tally.broke(format!("{}: a test binary broke off", self.package));
        }
        Ok(())
    }
}
