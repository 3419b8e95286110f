//! `cargo xtask bench`: what is here beside its peers, alternating, rows counted.
mod file;
mod kafka;
mod postgres;
mod python;
mod race;
mod report;
mod s3;

use std::path::Path;

use crate::Result;
use crate::repo::Repo;

/// Runs one of the benchmarks.
pub(crate) fn run(repo: &Repo, args: &[&str]) -> Result {
    match args {
        ["file", rest @ ..] => file::run(repo, rest),
        ["kafka", rest @ ..] => kafka::run(repo, rest),
        ["postgres", rest @ ..] => postgres::run(repo, rest),
        ["s3", rest @ ..] => s3::run(repo, rest),
        _ => {
            let usages = [file::USAGE, kafka::USAGE, postgres::USAGE, s3::USAGE].map(|usage| format!("cargo xtask {usage}"));
            Err(format!("usage: {}", usages.join("\n       ")))
        }
    }
}

/// Options and their values.
fn pairs<'a>(args: &[&'a str], usage: &str) -> Result<Vec<(&'a str, &'a str)>> {
    let pair = |pair: &[&'a str]| match pair {
        [name, value] => Ok((*name, *value)),
        _ => Err(format!("{} takes a value\nusage: cargo xtask {usage}", pair.join(" "))),
    };
    args.chunks(2).map(pair).collect()
}

/// A number that an option was given.
fn number(name: &str, value: &str) -> Result<u64> {
    value.parse().map_err(|e| format!("{name} {value}: {e}"))
}

/// A case by its name.
fn named<'a, T>(cases: &'a [T], name: impl Fn(&T) -> &str, wanted: &str) -> Result<&'a T> {
    let names = || cases.iter().map(&name).collect::<Vec<_>>().join(", ");
    cases.iter().find(|case| name(case) == wanted).ok_or_else(|| format!("no case {wanted}; there are {}", names()))
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("{}: not UTF-8", path.display()))
}

fn remove(path: &Path) -> Result {
    let result = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", path.display())),
        _ => Ok(()),
    }
}
