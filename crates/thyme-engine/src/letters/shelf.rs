//! The files of dead letters of a pipeline: `<state>/<pipeline>/dlq/<task>-<seq>.jsonl`.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thyme_core::file_name::{escape, unescape};
use thyme_core::{Error, Kind, Result};

use super::Letter;
use crate::lock::unusable;

/// A letter's commit and its number there.
pub(crate) type Id = (u64, u64);

/// The folder of a pipeline's dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) folder: PathBuf,
}

impl Shelf {
    /// Of the pipeline whose state is in `folder`.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.join("dlq") }
    }

    pub(crate) fn path(&self, task: &str, seq: u64) -> PathBuf {
        self.folder.join(format!("{}-{seq}.jsonl", escape(task)))
    }

    /// Every file there is, void ones too, by task and commit.
    pub(crate) fn files(&self) -> Result<BTreeMap<Arc<str>, BTreeSet<u64>>> {
        let mut files: BTreeMap<Arc<str>, BTreeSet<u64>> = BTreeMap::new();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(files),
            Err(e) => return Err(unusable(&self.folder, e)),
        };
        for entry in entries {
            let name = entry.map_err(|e| unusable(&self.folder, e))?.file_name();
            let parts = name.to_str().and_then(|name| name.strip_suffix(".jsonl")).and_then(|name| name.rsplit_once('-'));
            let Some((task, seq)) = parts else { continue };
            if let Ok(seq) = seq.parse() {
                files.entry(unescape(task).into()).or_default().insert(seq);
            }
        }
        Ok(files)
    }

    /// The letters of one commit, in order. A file that is gone has none.
    pub(crate) fn read(&self, task: &str, seq: u64) -> Result<Vec<Letter>> {
        let path = self.path(task, seq);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(unusable(&path, e)),
        };
        let mut letters = Vec::new();
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|e| unusable(&path, e))?;
            letters.push(serde_json::from_str(&line).map_err(|e| {
                Error::new(Kind::Data, "a dead letter does not parse")
                    .context("file", path.display())
                    .context("line", number + 1)
                    .source(e)
            })?);
        }
        Ok(letters)
    }

    /// Removes the files of commits that never came to be.
    pub(crate) fn clear_above(&self, task: &str, seq: u64) -> Result<()> {
        let files = self.files()?;
        for void in files.get(task).into_iter().flatten().filter(|at| **at > seq) {
            remove(&self.path(task, *void))?;
        }
        Ok(())
    }

    /// Takes out letters that were replayed. Doing it twice does no harm.
    pub(crate) fn take_out(&self, task: &str, gone: &BTreeSet<Id>) -> Result<()> {
        for seq in gone.iter().map(|(seq, _)| *seq).collect::<BTreeSet<_>>() {
            let letters = self.read(task, seq)?;
            let stay: Vec<_> = letters.iter().filter(|letter| !gone.contains(&(seq, letter.index))).collect();
            let path = self.path(task, seq);
            if stay.is_empty() {
                remove(&path)?;
            } else if stay.len() < letters.len() {
                let mut text = Vec::new();
                for letter in stay {
                    write_line(&mut text, letter)?;
                }
                replace(&path, &text)?;
            }
        }
        Ok(())
    }
}

/// A letter as one line.
pub(crate) fn write_line(to: &mut Vec<u8>, letter: &Letter) -> Result<()> {
    serde_json::to_writer(&mut *to, letter)
        .map_err(|e| Error::new(Kind::Unexpected, "a dead letter has no JSON form").source(e))?;
    to.push(b'\n');
    Ok(())
}

/// Puts `bytes` at `path`: after a crash the old content stands there or the new, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|e| unusable(path, e))
}

/// Removes `path`, if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(unusable(path, e)),
        _ => Ok(()),
    }
}
