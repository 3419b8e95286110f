//! The files of dead letters of a pipeline: `<state>/<pipeline>/dlq/<task>-<seq>.jsonl`.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thyme_core::file_name::{escape, unescape};
use thyme_core::{Error, Kind, Result, StateFiles, state};

use super::Letter;

/// A letter's commit and its number there.
pub(crate) type Id = (u64, u64);

/// The folder of a pipeline's dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) files: Arc<dyn StateFiles>,
    pub(crate) folder: String,
}

impl Shelf {
    /// Of a pipeline.
    pub(crate) fn of(files: Arc<dyn StateFiles>, pipeline: &str) -> Self {
        Self { files, folder: format!("{pipeline}/dlq") }
    }

    pub(crate) fn name(&self, task: &str, seq: u64) -> String {
        format!("{}/{}-{seq}.jsonl", self.folder, escape(task))
    }

    /// Every file there is, void ones too, by task and commit.
    pub(crate) async fn files(&self) -> Result<BTreeMap<Arc<str>, BTreeSet<u64>>> {
        let mut files: BTreeMap<Arc<str>, BTreeSet<u64>> = BTreeMap::new();
        for name in self.files.list(&self.folder).await? {
            let Some((task, seq)) = name.strip_suffix(".jsonl").and_then(|name| name.rsplit_once('-')) else { continue };
            if let Ok(seq) = seq.parse() {
                files.entry(unescape(task).into()).or_default().insert(seq);
            }
        }
        Ok(files)
    }

    /// The letters of one commit, in order. A file that is gone has none.
    pub(crate) async fn read(&self, task: &str, seq: u64) -> Result<Vec<Letter>> {
        let name = self.name(task, seq);
        let Some(stored) = self.files.read(&name).await? else { return Ok(Vec::new()) };
        let lines = stored.bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
        let mut letters = Vec::new();
        for (number, line) in lines {
            letters.push(serde_json::from_slice(line).map_err(|e| {
                Error::new(Kind::Data, "a dead letter does not parse")
                    .context("file", self.files.place(&name))
                    .context("line", number + 1)
                    .source(e)
            })?);
        }
        Ok(letters)
    }

    /// Removes the files of commits that never came to be.
    pub(crate) async fn clear_above(&self, task: &str, seq: u64) -> Result<()> {
        let files = self.files().await?;
        for void in files.get(task).into_iter().flatten().filter(|at| **at > seq) {
            self.files.remove(&self.name(task, *void)).await?;
        }
        Ok(())
    }

    /// Takes out letters that were replayed. Doing it twice does no harm.
    pub(crate) async fn take_out(&self, task: &str, gone: &BTreeSet<Id>) -> Result<()> {
        for seq in gone.iter().map(|(seq, _)| *seq).collect::<BTreeSet<_>>() {
            let letters = self.read(task, seq).await?;
            let stay: Vec<_> = letters.iter().filter(|letter| !gone.contains(&(seq, letter.index))).collect();
            let name = self.name(task, seq);
            if stay.is_empty() {
                self.files.remove(&name).await?;
            } else if stay.len() < letters.len() {
                let mut text = Vec::new();
                for letter in stay {
                    write_line(&mut text, letter)?;
                }
                state::replace(self.files.as_ref(), &name, &text).await?;
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
