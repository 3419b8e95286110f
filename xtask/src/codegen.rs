//! `cargo xtask codegen [--check]`: what is derived from the connectors, so that no list of them is kept by hand.
//!
//! First what comes from their manifests (registry, features), then what the built library says about itself (reference pages,
//! delivery table, schema of the pipeline file, metrics).
mod manifests;
mod pages;
mod region;

use std::path::PathBuf;

use serde_json::Value;

use crate::repo::{self, Repo};
use crate::test::FEATURES;
use crate::{Result, process};

/// A file and what it has to hold.
type Generated = (PathBuf, String);

/// Writes all files, or with `check` says which are stale.
pub(crate) fn run(repo: &Repo, check: bool) -> Result {
    settle(repo, manifests::all(repo)?, check)?;
    settle(repo, pages::all(repo, &described(repo)?)?, check)
}

/// What the example `describe` prints: connectors, fields, metrics, schema.
fn described(repo: &Repo) -> Result<Value> {
    // The same selection as the tests have, so that nothing is built twice.
    process::run(process::cargo(&repo.root).args(["build", "--quiet"]).args(FEATURES).args(["--example", "describe"]))?;
    let binary = repo.target.join("debug/examples").join(format!("describe{}", std::env::consts::EXE_SUFFIX));
    let text = process::output(&mut process::command(binary, &repo.root))?;
    serde_json::from_str(&text).map_err(|e| format!("describe: {e}"))
}

fn settle(repo: &Repo, files: Vec<Generated>, check: bool) -> Result {
    let mut stale = Vec::new();
    for (file, text) in files {
        let path = repo.root.join(&file);
        if repo::read(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if check {
            stale.push(file.display().to_string());
        } else {
            repo::write(&path, &text)?;
            println!("wrote {}", file.display());
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(format!("stale, run `cargo xtask codegen`: {}", stale.join(", "))) }
}
