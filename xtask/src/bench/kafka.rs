//! `cargo xtask bench kafka`: topics read and published beside what librdkafka alone can do, and beside peers.
mod broker;
mod peers;
mod table;
mod topic;

use std::path::PathBuf;
use std::process::Command;

use broker::Broker;

use super::python::Python;
use super::race::{self, Racer, equal, racer};
use super::report::Sample;
use super::{number, pairs};
use crate::repo::Repo;
use crate::{Result, process, services};

/// What `--help` says, too.
pub(super) const USAGE: &str = "bench kafka [--case NAME]… [--records 2000000] [--rows 1000000] [--runs 5] [--memory 256MiB]";

/// One race.
struct Case {
    name: &'static str,
    run: fn(&Bench) -> Result,
}

const CASES: &[Case] = &[
    Case { name: "consume", run: topic::consume },
    Case { name: "publish", run: topic::publish },
    Case { name: "table", run: table::table },
];

struct Options {
    cases: Vec<&'static Case>,
    /// Of the topics.
    records: u64,
    /// Of the table.
    rows: u64,
    runs: usize,
    memory: String,
}

/// What all races share.
struct Bench {
    options: Options,
    /// The folder with the programs of PostgreSQL.
    postgres: PathBuf,
    thyme: PathBuf,
    race: PathBuf,
    /// Starts a Kafka.
    kafka: PathBuf,
    /// Peers that are not everywhere to be had.
    kcat: Option<String>,
    bento: Option<String>,
    python: Python,
    peers: PathBuf,
    folder: PathBuf,
    processors: u32,
}

/// Builds, and runs the cases in turn.
pub(super) fn run(repo: &Repo, args: &[&str]) -> Result {
    let options = options(args)?;
    services::kafka(repo)?;
    let postgres = services::postgres(repo)?;
    let mut build = process::cargo(&repo.root);
    build.args(["build", "--release", "--package", "thyme-cli", "--package", "thyme-kafka", "--package", "thyme-testkit"]);
    build.args(["--features", "thyme-cli/postgres,thyme-cli/kafka,thyme-kafka/testing,thyme-testkit/kafka"]);
    process::run(build.args(["--bin", "thyme", "--example", "race", "--example", "kafka"]))?;
    let folder = repo.target.join("bench");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let python = Python::new(repo, &folder, peers::PACKAGES)?;
    let peers = folder.join("kafka_peers.py");
    crate::repo::write(&peers, include_str!("kafka/peers.py"))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u32;
    println!("Kafka 4.3.1 on 127.0.0.1, one broker, {processors} processors for broker and clients.");
    let (kcat, bento) = (without("kcat", services::kcat(repo)), without("Bento", services::bento(repo)));
    let example = |name: &str| repo.target.join("release/examples").join(name);
    let (thyme, race, kafka) = (repo.binary("release"), example("race"), example("kafka"));
    let bench = Bench { options, postgres, thyme, race, kafka, kcat, bento, python, peers, folder, processors };
    bench.options.cases.iter().try_for_each(|case| (case.run)(&bench))
}

/// A peer that can't be installed is left out, which is said.
fn without(name: &str, found: Result<String>) -> Option<String> {
    found.inspect_err(|error| println!("Without {name}: {error}")).ok()
}

fn options(args: &[&str]) -> Result<Options> {
    let memory = "256MiB".to_owned();
    let mut options = Options { cases: Vec::new(), records: 2_000_000, rows: 1_000_000, runs: 5, memory };
    for (name, value) in pairs(args, USAGE)? {
        match name {
            "--case" => options.cases.push(super::named(CASES, |case| case.name, value)?),
            "--records" => options.records = number(name, value)?,
            "--rows" => options.rows = number(name, value)?,
            "--runs" => options.runs = number(name, value)? as usize,
            "--memory" => options.memory = value.to_owned(),
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

    /// A task of our helper, whose last line says how many seconds it took, and which counts its records.
    fn helper(&self, task: &str, broker: &Broker, topic: &str, records: u64) -> Result<Sample> {
        let mut command = process::command(&self.race, &self.folder);
        command.args([task, &broker.brokers, topic, &records.to_string()]);
        let mut sample = self.measure(&command)?;
        let log = self.python.log()?;
        let said: serde_json::Value = serde_json::from_str(log.lines().last().unwrap_or_default()).unwrap_or_default();
        sample.wall = said["seconds"].as_f64().ok_or_else(|| format!("{task} says nothing: {log}"))?;
        Ok(sample)
    }

    /// Runs a function of the script, which counts its rows.
    fn peer(&self, args: &[&str], rows: u64) -> Result<(Sample, serde_json::Value)> {
        let (sample, value) = self.python.script(self.processors, &self.peers, args.iter().copied())?;
        equal(value["rows"].as_u64().unwrap_or_default(), rows).map(|()| (sample, value))
    }
}
