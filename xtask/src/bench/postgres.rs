//! `cargo xtask bench postgres`: reading and writing tables beside `COPY`, which is the limit, and beside peers.
mod peers;
mod reading;
pub(super) mod server;
mod table;
mod writing;

use std::path::PathBuf;
use std::process::Command;

use peers::Peers;
use server::Server;

use super::python::Python;
use super::race::{self, Racer, equal, racer};
use super::report::Sample;
use super::{number, pairs, remove};
use crate::repo::{self, Repo};
use crate::{Result, process, services};

/// What `--help` says, too.
pub(super) const USAGE: &str = "bench postgres [--case NAME]… [--rows 2000000] [--runs 5] [--threads 2] [--memory 256MiB] \
                                [--faucet PATH] [--rivet PATH]";

/// One race.
struct Case {
    name: &'static str,
    run: fn(&Bench) -> Result,
}

const CASES: &[Case] = &[
    Case { name: "arrow", run: reading::arrow },
    Case { name: "arrow-ordered", run: reading::ordered },
    Case { name: "arrow-ranges", run: reading::ranges },
    Case { name: "parquet", run: reading::parquet },
    Case { name: "jsonl", run: reading::jsonl },
    Case { name: "append", run: writing::append },
    Case { name: "upsert", run: writing::upsert },
];

struct Options {
    cases: Vec<&'static Case>,
    rows: u64,
    runs: usize,
    threads: u32,
    memory: String,
    /// A binary of faucet with its sources and sinks `postgres` and `jsonl`.
    faucet: Option<PathBuf>,
    /// A binary of rivet.
    rivet: Option<PathBuf>,
}

/// What all races share.
struct Bench {
    options: Options,
    thyme: PathBuf,
    read: PathBuf,
    python: Python,
    peers: Peers,
    folder: PathBuf,
    server: Server,
    processors: u32,
}

/// Builds, starts a server, fills it, and runs the cases in turn.
pub(super) fn run(repo: &Repo, args: &[&str]) -> Result {
    let options = options(args)?;
    let programs = services::postgres(repo)?;
    let mut build = process::cargo(&repo.root);
    build.args(["build", "--release", "--package", "thyme-cli", "--package", "thyme-connectors"]);
    process::run(build.args(["--features", "thyme-cli/postgres", "--bin", "thyme", "--example", "read"]))?;
    let folder = repo.target.join("bench");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let python = Python::new(repo, &folder, peers::PACKAGES)?;
    let peers = Peers::new(&folder)?;
    let server = Server::start(&programs, &[])?;
    let settings = server::SETTINGS.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u32;
    println!("PostgreSQL {} on 127.0.0.1, {processors} processors for server and client: {settings}.", server.version()?);
    table::make(&server, options.rows)?;
    let (thyme, read) = (repo.binary("release"), repo.target.join("release/examples/read"));
    let bench = Bench { options, thyme, read, python, peers, folder, server, processors };
    bench.options.cases.iter().try_for_each(|case| (case.run)(&bench))
}

fn options(args: &[&str]) -> Result<Options> {
    let memory = "256MiB".to_owned();
    let mut options = Options { cases: Vec::new(), rows: 2_000_000, runs: 5, threads: 2, memory, faucet: None, rivet: None };
    for (name, value) in pairs(args, USAGE)? {
        match name {
            "--case" => options.cases.push(super::named(CASES, |case| case.name, value)?),
            "--rows" => options.rows = number(name, value)?,
            "--runs" => options.runs = number(name, value)? as usize,
            "--threads" => options.threads = value.parse().map_err(|e| format!("{name} {value}: {e}"))?,
            "--memory" => options.memory = value.to_owned(),
            "--faucet" => options.faucet = Some(value.into()),
            "--rivet" => options.rivet = Some(value.into()),
            other => return Err(format!("bench does not know {other}\nusage: cargo xtask {USAGE}")),
        }
    }
    if options.cases.is_empty() {
        options.cases = CASES.iter().collect();
    }
    Ok(options)
}

impl Bench {
    /// Runs all in turn, so many times, and prints how they did. The first is what the others are compared with.
    fn race(&self, title: &str, racers: &[Racer<'_>]) -> Result {
        race::race(title, self.options.runs, racers)
    }

    fn measure(&self, command: &Command) -> Result<Sample> {
        self.python.measure(command, self.processors)
    }

    /// One run of the binary from an empty state, of a pipeline with this source and sink.
    fn thyme(&self, dataset: &str, source: &str, sink: &str) -> Result<Sample> {
        let (state, file) = (self.folder.join("state"), self.folder.join("pipeline.toml"));
        remove(&state)?;
        let head = format!("[[pipeline]]\nname = \"bench\"\nschedule = \"@once\"\n\n{dataset}");
        repo::write(&file, &format!("{head}[pipeline.source]\n{source}\n[pipeline.sink]\n{sink}"))?;
        let mut command = process::command(&self.thyme, &self.folder);
        command.arg("run").arg(&file).arg("--once").arg("--state").arg(&state);
        command.args(["--memory", &self.options.memory, "--threads", &self.options.threads.to_string()]);
        self.measure(&command)
    }

    /// `psql` that runs a command of its own, which says `COPY` and the number of rows.
    fn copy(&self, commands: &[String], rows: u64) -> Result<Sample> {
        let mut command = self.server.psql();
        for text in commands {
            command.args(["-c", text]);
        }
        let sample = self.measure(&command)?;
        let log = self.python.log()?;
        let copied = log.lines().filter_map(|line| line.strip_prefix("COPY ")?.trim().parse::<u64>().ok()).sum();
        equal(copied, rows).map(|()| sample)
    }
}
