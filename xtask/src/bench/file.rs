//! `cargo xtask bench file`: the real binary beside DuckDB, alternating, outputs compared.
pub(super) mod case;
pub(super) mod data;
pub(super) mod duckdb;

use std::path::{Path, PathBuf};
use std::process::Command;

use case::{CASES, Case, Format};
use duckdb::DuckDb;

use super::python::{DUCKDB, Python};
use super::report::{self, Row, Sample};
use super::{number, pairs, remove, text};
use crate::repo::{self, Repo};
use crate::{Result, process};

/// What `--help` says, too.
pub(super) const USAGE: &str = "bench file [--case NAME]… [--mb 1000] [--runs 5] [--threads 1,2] [--memory 256MiB]";

struct Options {
    cases: Vec<&'static Case>,
    bytes: u64,
    runs: usize,
    threads: Vec<u32>,
    memory: String,
}

/// Generates input once, then runs all programs in turn, `runs` times.
pub(super) fn run(repo: &Repo, args: &[&str]) -> Result {
    let options = options(args)?;
    process::run(process::cargo(&repo.root).args(["build", "--release", "--package", "thyme-cli"]))?;
    let folder = repo.target.join("bench");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let bench = Bench {
        thyme: repo.binary("release"),
        python: Python::new(repo, &folder, &[DUCKDB])?,
        duckdb: DuckDb::new(&folder)?,
        folder,
        options,
    };
    for case in &bench.options.cases {
        bench.case(case)?;
    }
    Ok(())
}

fn options(args: &[&str]) -> Result<Options> {
    let mut options =
        Options { cases: Vec::new(), bytes: 1_000_000_000, runs: 5, threads: vec![1, 2], memory: "256MiB".to_owned() };
    for (name, value) in pairs(args, USAGE)? {
        match name {
            "--case" => options.cases.push(super::named(CASES, |case| case.name, value)?),
            "--mb" => options.bytes = number(name, value)? * 1_000_000,
            "--runs" => options.runs = number(name, value)? as usize,
            "--threads" => {
                let threads = value.split(',').map(|n| n.parse().map_err(|e| format!("--threads {value}: {e}")));
                options.threads = threads.collect::<Result<_>>()?;
            }
            "--memory" => options.memory = value.to_owned(),
            other => return Err(format!("bench does not know {other}\nusage: cargo xtask {USAGE}")),
        }
    }
    if options.cases.is_empty() {
        options.cases = CASES.iter().collect();
    }
    Ok(options)
}

struct Bench {
    thyme: PathBuf,
    python: Python,
    duckdb: DuckDb,
    folder: PathBuf,
    options: Options,
}

impl Bench {
    fn case(&self, case: &Case) -> Result {
        let name = format!("{}-{}.{}", case.name, self.options.bytes, case.input.name());
        let input = self.folder.join(if case.input == Format::Csv { format!("csv-{}.csv", self.options.bytes) } else { name });
        let bytes = data::generate(case, &input, self.options.bytes)?;
        for &threads in &self.options.threads {
            let mut rows = vec![
                Row { name: "thyme, order kept".to_owned(), samples: Vec::new() },
                Row { name: "DuckDB, order kept".to_owned(), samples: Vec::new() },
                Row { name: "DuckDB, order given up".to_owned(), samples: Vec::new() },
            ];
            let mut digests = Vec::new();
            for round in 0..self.options.runs {
                let ours = self.thyme(case, &input, threads)?;
                let (kept, theirs) = self.duck(case, &input, threads, true)?;
                let (given_up, _) = self.duck(case, &input, threads, false)?;
                for (row, sample) in rows.iter_mut().zip([ours, kept, given_up]) {
                    row.samples.push(sample);
                }
                if round == 0 {
                    digests = vec![self.digest(case, &self.ours(case, "*"))?, self.digest(case, &theirs)?];
                }
            }
            let title = format!("{}: {:.0} MB, {threads} thread(s), {} runs", case.name, bytes as f64 / 1e6, self.options.runs);
            report::print(&title, &rows);
            match digests.as_slice() {
                [ours, theirs] if ours == theirs => println!("\nBoth wrote the same {} rows.", ours.first().map_or("", |n| n)),
                // DuckDB loses good lines beside broken ones; what is good is known from how the input was made.
                [ours, theirs] if case.broken => {
                    let rows = |digest: &Vec<String>| digest.first().cloned().unwrap_or_default();
                    println!("\nGood lines written by thyme: {}, by DuckDB: {}.", rows(ours), rows(theirs));
                }
                other => return Err(format!("{}: the outputs differ: {other:?}", case.name)),
            }
        }
        Ok(())
    }

    /// Where our output lies, with `file` as its last part.
    fn ours(&self, case: &Case, file: &str) -> PathBuf {
        self.folder.join("ours").join(format!("{file}.{}", case.output.name()))
    }

    /// One run from an empty state.
    fn thyme(&self, case: &Case, input: &Path, threads: u32) -> Result<Sample> {
        let (out, state, file) = (self.folder.join("ours"), self.folder.join("state"), self.folder.join("pipeline.toml"));
        for dir in [&out, &state] {
            remove(dir)?;
        }
        let source = format!("type = \"file\"\npath = {:?}\n", text(input)?);
        repo::write(&file, &case.pipeline(&source, &text(&out)?))?;
        let mut command = Command::new(&self.thyme);
        command.arg("run").arg(&file).arg("--once").arg("--state").arg(&state);
        command.args(["--memory", &self.options.memory, "--threads", &threads.to_string()]);
        self.python.measure(&command, threads)
    }

    fn duck(&self, case: &Case, input: &Path, threads: u32, order: bool) -> Result<(Sample, PathBuf)> {
        let out = self.folder.join(format!("theirs-{order}.{}", case.output.name()));
        remove(&out)?;
        let settings = [format!("SET preserve_insertion_order = {order}"), "SET TimeZone = 'UTC'".to_owned()];
        let (sample, _) = self.duckdb.statement(&self.python, threads, &settings, &case.copy(&text(input)?, &text(&out)?))?;
        Ok((sample, out))
    }

    fn digest(&self, case: &Case, path: &Path) -> Result<Vec<String>> {
        let settings = ["SET TimeZone = 'UTC'".to_owned()];
        let (_, rows) = self.duckdb.statement(&self.python, 2, &settings, &case.digest(&text(path)?))?;
        rows.into_iter().next().ok_or_else(|| "no digest".to_owned())
    }
}
