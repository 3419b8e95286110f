//! `cargo xtask bench s3`: objects read beside plain GETs, which are the limit, and beside peers.
mod data;
mod peers;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use data::Objects;
use server::Server;

use super::file::case::{self, Case as Job};
use super::file::duckdb::DuckDb;
use super::python::{DUCKDB, Python};
use super::race::{race, racer};
use super::report::Sample;
use super::{number, pairs, remove, text};
use crate::repo::{self, Repo};
use crate::{Result, process, services};

/// What `--help` says, too.
pub(super) const USAGE: &str = "bench s3 [--case NAME]… [--percent 100] [--runs 5] [--threads 2] [--memory 256MiB]";

/// Pinned, as they were measured.
const PACKAGES: &[&str] = &[DUCKDB, "duckdb-extensions==1.5.5", "duckdb-extension-httpfs==1.5.5"];

/// Which objects are read.
struct Case {
    name: &'static str,
    job: Job,
    count: u64,
    /// Of each object.
    bytes: u64,
    /// Bento reads this: it has no word for Parquet of any size.
    lines: bool,
    /// DuckDB takes turns: it asks twice for each object, one object after another on a thread.
    duckdb: bool,
}

const CASES: &[Case] = &[
    Case { name: "small", job: case::LINES, count: 20_000, bytes: 1_000, lines: true, duckdb: false },
    Case { name: "medium", job: case::LINES, count: 1_000, bytes: 1_000_000, lines: true, duckdb: true },
    Case { name: "large-jsonl", job: case::LINES, count: 1, bytes: 2_000_000_000, lines: true, duckdb: true },
    Case { name: "large-parquet", job: case::ROWS, count: 1, bytes: 2_000_000_000, lines: false, duckdb: true },
];

struct Options {
    cases: Vec<&'static Case>,
    /// Of the objects where there are many, else of their size.
    percent: u64,
    runs: usize,
    threads: u32,
    memory: String,
}

/// What all races share.
struct Bench {
    options: Options,
    thyme: PathBuf,
    s5cmd: String,
    bento: String,
    python: Python,
    duckdb: DuckDb,
    folder: PathBuf,
    server: Server,
}

/// Builds, starts a server, and runs the cases in turn.
pub(super) fn run(repo: &Repo, args: &[&str]) -> Result {
    let options = options(args)?;
    let (minio, s5cmd, bento) = (services::minio(repo)?, services::s5cmd(repo)?, services::bento(repo)?);
    let mut build = process::cargo(&repo.root);
    build.args(["build", "--release", "--package", "thyme-cli", "--features", "thyme-cli/s3", "--bin", "thyme"]);
    process::run(&mut build)?;
    let folder = repo.target.join("bench");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let python = Python::new(repo, &folder, PACKAGES)?;
    let duckdb = DuckDb::new(&folder)?;
    python.run("import duckdb_extensions; duckdb_extensions.import_extension('httpfs')")?;
    let server = Server::start(&minio, &s5cmd)?;
    println!(
        "MinIO on 127.0.0.1 shares {} processors with its clients.",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    let bench = Bench { options, thyme: repo.binary("release"), s5cmd, bento, python, duckdb, folder, server };
    bench.options.cases.iter().try_for_each(|case| bench.case(case))
}

fn options(args: &[&str]) -> Result<Options> {
    let mut options = Options { cases: Vec::new(), percent: 100, runs: 5, threads: 2, memory: "256MiB".to_owned() };
    for (name, value) in pairs(args, USAGE)? {
        match name {
            "--case" => options.cases.push(super::named(CASES, |case| case.name, value)?),
            "--percent" => options.percent = number(name, value)?,
            "--runs" => options.runs = number(name, value)? as usize,
            "--threads" => options.threads = value.parse().map_err(|e| format!("{name} {value}: {e}"))?,
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
    fn case(&self, case: &Case) -> Result {
        let objects = Objects::make(self, case)?;
        let out = |name: &str| self.folder.join(format!("{name}.{}", case.job.output.name()));
        let (ours, kept, given_up) = (self.folder.join("ours"), out("theirs-true"), out("theirs-false"));
        let thyme = || {
            let sample = self.thyme(&case.job, &objects, &ours)?;
            self.same(case, &objects, &text(&ours.join(format!("**/*.{}", case.job.output.name())))?).map(|()| sample)
        };
        let duck = |out: &PathBuf, order: bool| {
            remove(out)?;
            let settings = self.settings(order);
            let statement = case.job.copy(&objects.pattern(), &text(out)?);
            let (sample, _) = self.duckdb.statement(&self.python, self.options.threads, &settings, &statement)?;
            self.same(case, &objects, &text(out)?).map(|()| sample)
        };
        let mut racers = vec![racer("thyme, exactly once, to Parquet", thyme)];
        if case.duckdb {
            racers.push(racer("DuckDB, order kept, to Parquet", || duck(&kept, true)));
            racers.push(racer("DuckDB, order given up, to Parquet", || duck(&given_up, false)));
        }
        if case.lines {
            racers.push(racer("Bento, lines not looked into, to nowhere", || self.bento(&objects)));
        }
        // Where the requests are all the work, they are the measure.
        let place = if case.duckdb { racers.len() } else { 0 };
        racers.insert(place, racer("s5cmd, GETs at once, to nowhere", || self.s5cmd(&objects)));
        let Options { runs, threads, memory, .. } = &self.options;
        let title = format!(
            "{}: {} of {:.0} MB in all, {threads} thread(s), --memory {memory}",
            case.name,
            if objects.count == 1 { "one object".to_owned() } else { format!("{} objects", objects.count) },
            objects.bytes as f64 / 1e6
        );
        race(&title, *runs, &racers)?;
        println!("\nAll {} rows and their cells were compared after each run that wrote Parquet.", objects.rows());
        drop(racers);
        [ours, kept, given_up].iter().try_for_each(|path| remove(path))?;
        objects.remove(self)
    }

    /// One run from an empty state.
    fn thyme(&self, job: &Job, objects: &Objects, out: &Path) -> Result<Sample> {
        let (state, file) = (self.folder.join("state"), self.folder.join("pipeline.toml"));
        remove(out)?;
        remove(&state)?;
        let source = format!(
            "type = \"s3\"\nbucket_uri = {:?}\nendpoint_url = {:?}\nregion = {:?}\naccess_key = {:?}\nsecret = {:?}\n",
            objects.pattern(),
            self.server.url(),
            server::REGION,
            server::ACCESS_KEY,
            server::SECRET
        );
        repo::write(&file, &job.pipeline(&source, &text(out)?))?;
        let mut command = process::command(&self.thyme, &self.folder);
        command.arg("run").arg(&file).arg("--once").arg("--state").arg(&state);
        command.args(["--memory", &self.options.memory, "--threads", &self.options.threads.to_string()]);
        self.measure(&command)
    }

    fn measure(&self, command: &Command) -> Result<Sample> {
        self.python.measure(command, self.options.threads)
    }

    /// An error where what was written at `path` is not what the objects hold.
    fn same(&self, case: &Case, objects: &Objects, path: &str) -> Result {
        let found = self.digest(&case.job.digest(path))?;
        if found == objects.digest { Ok(()) } else { Err(format!("wrote {found:?} instead of {:?}", objects.digest)) }
    }

    /// The number of rows, and the sum of their hashes.
    fn digest(&self, statement: &str) -> Result<Vec<String>> {
        let (_, rows) = self.duckdb.statement(&self.python, 2, &["SET TimeZone = 'UTC'".to_owned()], statement)?;
        rows.into_iter().next().ok_or_else(|| "no digest".to_owned())
    }
}
