//! The README's first command, run as it stands on a copy of the example: it moves all rows, then none, then only the new.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::repo::{self, Repo};
use crate::tally::Tally;
use crate::{Result, process};

const FOLDER: &str = "examples/quickstart";
const APPENDED: &str = "Seattle,2016-01-01,0.0,7.2,-1.1,2.4\nNew York,2016-01-01,0.0,5.6,1.1,6.8\n";

/// One check for each promise of the README.
pub(crate) fn checks(repo: &Repo, tally: &mut Tally) {
    let copy = match copy(repo) {
        Ok(copy) => copy,
        Err(error) => return tally.check("quickstart", Err(error)),
    };
    let first = copy.run_and_expect(copy.all);
    let moved = first.is_ok();
    tally.check("quickstart: the first run moves every row", first);
    if !moved {
        // The other checks could pass by moving nothing.
        return;
    }
    tally.check("quickstart: the second run finds nothing new", copy.run_and_expect(0));
    tally.check("quickstart: appended rows come alone", copy.append().and_then(|rows| copy.run_and_expect(rows)));
    tally.check("quickstart: the output is the input, row by row", copy.compare());
}

struct Copy {
    root: PathBuf,
    manifest: PathBuf,
    /// What follows `--` in the README's command.
    args: Vec<String>,
    /// Rows of the data as it ships.
    all: usize,
}

/// A copy of the example in an empty folder.
pub(crate) fn place(repo: &Repo, root: &Path) -> Result {
    if root.exists() {
        fs::remove_dir_all(root).map_err(|e| format!("{}: {e}", root.display()))?;
    }
    for file in repo.files()?.iter().filter(|file| file.starts_with(FOLDER)) {
        let to = root.join(file);
        fs::create_dir_all(to.parent().unwrap_or(root)).map_err(|e| format!("{}: {e}", to.display()))?;
        fs::copy(repo.root.join(file), &to).map_err(|e| format!("{}: {e}", to.display()))?;
    }
    Ok(())
}

/// Copies the example and takes the command from the README.
fn copy(repo: &Repo) -> Result<Copy> {
    let root = repo.target.join("quickstart");
    place(repo, &root)?;
    let readme = repo::read(&repo.root.join("README.md"))?;
    let command = readme.lines().find_map(|line| line.trim().strip_prefix("cargo run --release -- "));
    let command = command.ok_or("README.md names no `cargo run --release -- …` command")?;
    let args = command.split('#').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let all = rows(&repo::read(&root.join(FOLDER).join("data/weather.csv"))?).len();
    Ok(Copy { root, manifest: repo.root.join("Cargo.toml"), args, all })
}

impl Copy {
    /// Runs the README's command in the copy; the output must have grown by `rows`.
    fn run_and_expect(&self, rows: usize) -> Result {
        let before = self.written()?.len();
        let mut cargo = process::cargo(&self.root);
        cargo.args(["run", "--release", "--manifest-path"]).arg(&self.manifest).arg("--").args(&self.args);
        process::run(&mut cargo)?;
        let grown = self.written()?.len() - before;
        if grown == rows { Ok(()) } else { Err(format!("{grown} rows came out, expected {rows}")) }
    }

    fn append(&self) -> Result<usize> {
        let path = self.root.join(FOLDER).join("data/weather.csv");
        let file = fs::OpenOptions::new().append(true).open(&path);
        file.and_then(|mut file| file.write_all(APPENDED.as_bytes())).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(APPENDED.lines().count())
    }

    fn compare(&self) -> Result {
        let mut want = rows(&repo::read(&self.root.join(FOLDER).join("data/weather.csv"))?);
        let mut have = self.written()?;
        want.sort();
        have.sort();
        if let Some((want, have)) = want.iter().zip(&have).find(|(want, have)| want != have) {
            return Err(format!("expected {want:?}, found {have:?}"));
        }
        if want.len() == have.len() { Ok(()) } else { Err(format!("{} rows in, {} rows out", want.len(), have.len())) }
    }

    /// All rows of the output files.
    fn written(&self) -> Result<Vec<Row>> {
        let mut all = Vec::new();
        for file in files(&self.root.join(FOLDER).join("out"))? {
            for line in repo::read(&file)?.lines() {
                let row: serde_json::Value = serde_json::from_str(line).map_err(|e| format!("{}: {e}", file.display()))?;
                let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
                let number = |name: &str| row[name].as_f64().map(f64::to_bits);
                all.push(Row {
                    texts: ["location", "date"].map(text),
                    numbers: ["precipitation", "temp_max", "temp_min", "wind"].map(number),
                });
            }
        }
        Ok(all)
    }
}

/// One day at one place. Numbers by their bits: nothing may change on the way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    texts: [String; 2],
    numbers: [Option<u64>; 4],
}

/// The rows of the CSV file, which has no quotes.
fn rows(csv: &str) -> Vec<Row> {
    let cells = csv.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    cells
        .map(|cells| {
            let cell = |i: usize| cells.get(i).copied().unwrap_or_default();
            Row {
                texts: [cell(0), cell(1)].map(str::to_owned),
                numbers: [2, 3, 4, 5].map(|i| cell(i).parse::<f64>().ok().map(f64::to_bits)),
            }
        })
        .collect()
}

/// Finished output files in a folder; those whose name starts with a dot are not for readers.
pub(crate) fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| format!("{}: {e}", dir.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    Ok(files)
}
