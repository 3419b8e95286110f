//! Kills the real program and looks at what is left: rows from JSON lines to Parquet, once each, whatever happens.
//!
//! A [`Trial`] owns a folder with input, a pipeline file, state and output. While the program runs, every visible file is
//! watched: it must be whole when it is first seen, and stay what it is. At the end of a run the union of all output files is
//! compared with the truth, row by row.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use thyme_core::{Error, Kind, Result, ResultExt, env};

use crate::data::{FIELDS, Numbers, write_jsonl};
use crate::drive::breaks;

mod program;
mod truth;
mod watch;

pub use program::Program;
use watch::Watch;

/// No run takes that long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// The binary: `THYME_BIN`, else `thyme` beside the folder of this test binary.
///
/// # Errors
/// `NotFound` when there is none. It has to be built with the feature `testing`, or it has no points to die at.
pub fn binary() -> Result<PathBuf> {
    let given = env::var("THYME_BIN")?.map(PathBuf::from);
    let beside = || std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.join("thyme")));
    let found = given.or_else(beside).filter(|path| path.is_file());
    found.ok_or_else(|| {
        Error::new(Kind::NotFound, "there is no `thyme` to kill: build thyme-cli with the feature `testing`, or set THYME_BIN")
    })
}

/// A pipeline from JSON lines to Parquet, and the program that runs it.
#[derive(Debug)]
pub struct Trial {
    binary: PathBuf,
    folder: PathBuf,
    rows: i64,
    partitioned: bool,
    breakage: Option<&'static str>,
}

/// What a series of kills showed. All of it was compared with the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How often the program was killed.
    pub kills: usize,
    /// Runs that came to their end, each in a folder that was empty at first.
    pub runs: usize,
    /// Output files that were watched and read.
    pub files: usize,
    /// Rows that were compared.
    pub rows: usize,
}

/// How a life of the program ended.
enum Life {
    Killed,
    Ended(ExitStatus),
}

impl Trial {
    /// Writes `rows` rows as JSON lines, in two files, and a pipeline that commits and rolls every `roll` rows. With
    /// `partitioned` a commit has many files, one a city.
    ///
    /// # Errors
    /// `Unavailable` when the folder can't be written.
    pub fn new(binary: impl Into<PathBuf>, folder: impl Into<PathBuf>, rows: i64, roll: i64, partitioned: bool) -> Result<Self> {
        let (binary, folder) = (binary.into(), folder.into());
        let input = folder.join("in");
        fs::create_dir_all(&input).map_err(|e| failed("the input folder can't be made", e))?;
        for (name, ids) in [("a.jsonl", 0..rows * 2 / 3), ("b.jsonl", rows * 2 / 3..rows)] {
            write_jsonl(&input.join(name), ids).map_err(|e| failed("the input can't be written", e))?;
        }
        let fields = FIELDS.iter().map(|(name, of)| format!("{name} = \"{of}\"")).collect::<Vec<_>>().join(", ");
        let partition = if partitioned { "partition_by = [\"city\"]\n" } else { "" };
        let pipeline = format!(
            "[[pipeline]]\nname = \"kill\"\nschedule = \"@once\"\ncommit = {{ rows = {roll} }}\n\
             [pipeline.dataset]\nfields = {{ {fields} }}\n\
             [pipeline.source]\ntype = \"file\"\npath = \"in/*.jsonl\"\n\
             [pipeline.sink]\ntype = \"file\"\npath = \"out\"\nroll = {{ rows = {roll} }}\n{partition}"
        );
        fs::write(folder.join("pipeline.toml"), pipeline).map_err(|e| failed("the pipeline file can't be written", e))?;
        Ok(Self { binary, folder, rows, partitioned, breakage: None })
    }

    /// The same with a deliberate breakage switched on, which a trial must notice.
    #[must_use]
    pub fn broken(self, switch: &'static str) -> Self {
        Self { breakage: Some(switch), ..self }
    }

    /// Kills at `kills` random moments, the same ones with the same seed as far as the machine allows. Each life is long enough
    /// to reach a commit of its own; a run that ends is checked, and another begins.
    ///
    /// # Errors
    /// `Unexpected` with what was lost, repeated, changed or half written.
    pub fn random(&self, kills: usize, seed: u64) -> Result<Report> {
        let mut report = Report::default();
        let begun = Instant::now();
        let clean = self.finish(&mut self.fresh()?)?;
        let whole = begun.elapsed();
        report.add(clean);
        let commits = u32::try_from(self.commits()?.max(1)).unwrap_or(u32::MAX);
        let (between, of_a_commit) = (whole / commits, clean.files / commits as usize);
        let mut numbers = Numbers(seed);
        let mut watch = self.fresh()?;
        while report.kills < kills {
            // What the last life left to finish is not this one's commit.
            let target = watch.files() + of_a_commit + 1;
            let pause = between.mul_f64(numbers.below(1_000) as f64 / 1_000.0);
            match self.life(&mut watch, None, |files, since: &mut Option<Instant>| {
                if files >= target && since.is_none() {
                    *since = Some(Instant::now());
                }
                since.is_some_and(|since| since.elapsed() >= pause)
            })? {
                Life::Killed => report.kills += 1,
                Life::Ended(status) => {
                    self.well(status)?;
                    report.add(self.compare(&mut watch)?);
                    watch = self.fresh()?;
                }
            }
        }
        report.add(self.finish(&mut watch)?);
        Ok(report)
    }

    /// Dies at the point `name` when it is passed for the `nth` time, then runs to the end. `None`: it was not passed that often.
    ///
    /// # Errors
    /// As [`Trial::random`].
    pub fn at_point(&self, name: &str, nth: usize) -> Result<Option<Report>> {
        let mut watch = self.fresh()?;
        let crash = format!("{name}:{nth}");
        let place = || crash.clone();
        match self.life(&mut watch, Some(&crash), |_, _| false).context("point", place)? {
            Life::Ended(status) if status.success() => {
                self.compare(&mut watch).context("point", place)?;
                Ok(None)
            }
            Life::Ended(status) if died(status) => {
                let mut report = self.finish(&mut watch).context("point", place)?;
                report.kills = 1;
                Ok(Some(report))
            }
            Life::Ended(status) => self.well(status).context("point", place).map(|()| None),
            Life::Killed => Err(breaks("killed without being asked")),
        }
    }

    /// An empty output, and nothing remembered.
    fn fresh(&self) -> Result<Watch> {
        for name in ["out", "state"] {
            match fs::remove_dir_all(self.folder.join(name)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed("an old run can't be removed", e)),
                _ => {}
            }
        }
        Ok(Watch::new(self.folder.join("out")))
    }

    /// Runs to the end and compares.
    fn finish(&self, watch: &mut Watch) -> Result<Report> {
        match self.life(watch, None, |_, _| false)? {
            Life::Ended(status) => self.well(status)?,
            Life::Killed => return Err(breaks("killed without being asked")),
        }
        self.compare(watch)
    }

    /// Starts the program and watches its files until it ends, or `kill` says so.
    fn life(
        &self,
        watch: &mut Watch,
        crash: Option<&str>,
        mut kill: impl FnMut(usize, &mut Option<Instant>) -> bool,
    ) -> Result<Life> {
        let log = fs::File::create(self.folder.join("log.txt")).map_err(|e| failed("the log can't be written", e))?;
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).args(["run", "pipeline.toml", "--state", "state", "--memory", "64MiB"]);
        command.env_remove("THYME_CRASH").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if let Some(crash) = crash {
            command.env("THYME_CRASH", crash);
        }
        if let Some(switch) = self.breakage {
            command.env("THYME_BREAK", switch);
        }
        let child = command.spawn().map_err(|e| failed("the program does not start", e))?;
        let (mut running, begun, mut since) = (Running(child), Instant::now(), None);
        loop {
            if let Some(status) = running.0.try_wait().map_err(|e| failed("the program can't be waited for", e))? {
                watch.look()?;
                return Ok(Life::Ended(status));
            }
            watch.look()?;
            if kill(watch.files(), &mut since) {
                drop(running);
                watch.look()?;
                return Ok(Life::Killed);
            }
            if begun.elapsed() > PATIENCE {
                return Err(breaks(format!("a run took longer than {} s: {}", PATIENCE.as_secs(), self.log())));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The union of the output files is the input.
    fn compare(&self, watch: &mut Watch) -> Result<Report> {
        watch.look()?;
        watch.again()?;
        let files = watch.paths();
        let rows = truth::compare(&files, self.rows, self.partitioned)?;
        Ok(Report { kills: 0, runs: 1, files: files.len(), rows })
    }

    /// Commits of the run that just ended, by the cursor that the program prints.
    fn commits(&self) -> Result<usize> {
        let log = self.log();
        let number = log
            .rsplit_once("cursor at commit ")
            .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        number.ok_or_else(|| breaks(format!("the summary names no commit: {log}")))
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log.txt")).unwrap_or_default();
        let tail = log.lines().rev().take(20).collect::<Vec<_>>();
        tail.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn well(&self, status: ExitStatus) -> Result<()> {
        if status.success() { Ok(()) } else { Err(breaks(format!("the program ended with {status}: {}", self.log()))) }
    }
}

impl Report {
    /// Adds up.
    pub fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.runs += other.runs;
        self.files += other.files;
        self.rows += other.rows;
    }
}

/// Killed as by `kill -9`, also when the harness gives up.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a process was killed, rather than ended by itself.
fn died(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status).is_some()
}

fn failed(text: &str, error: std::io::Error) -> Error {
    Error::new(Kind::Unavailable, text).source(error)
}

/// The files below `folder` that a reader sees: none that begins with `_` or `.`, nor in such a folder.
fn visible(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|e| failed("the output can't be listed", e))?,
    };
    for entry in entries {
        let entry = entry.map_err(|e| failed("the output can't be listed", e))?;
        let name = entry.file_name();
        if name.as_encoded_bytes().first().is_some_and(|first| matches!(first, b'_' | b'.')) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => visible(&entry.path(), found)?,
            Ok(_) => found.push(entry.path()),
            Err(e) => return Err(failed("the output can't be listed", e)),
        }
    }
    Ok(())
}
