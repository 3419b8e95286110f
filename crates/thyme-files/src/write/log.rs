//! The task's log of intents: commit point, fence and memory in one.
//!
//! Records are numbered without a gap and made by create-new. `open` takes the next number for itself, so an older writer finds
//! its next number taken: it can't commit any more, and the cursor that `open` returns can't be outrun. Each record tells
//! all: the cursor, and the files of the last commit, which may still lack their names.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thyme_core::{Cursor, Error, Kind, Result, ResultExt, Task, testing};

use super::target::{Generation, Target};
use crate::names;

/// The folder of the protocol's own files.
pub(super) const OWN: &str = "_thyme";
/// The folder of unfinished files in that of a task.
pub(super) const UNFINISHED: &str = "tmp";
const VERSION: u32 = 1;
/// Records kept behind the last: a stopped writer that wakes up compares its own with them.
const KEPT: u64 = 2;

/// A file of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What [`Upload::finish`](super::Upload::finish) returned.
    pub(super) from: String,
    /// Its name for all to see.
    pub(super) to: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    version: u32,
    /// Who wrote it.
    attempt: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor: Option<Cursor>,
    /// Files of the last commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<Entry>,
    /// They replace the target, as this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// What they replace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    old: Vec<String>,
}

impl Record {
    /// The same by another writer.
    fn taken_over(self, attempt: String) -> Self {
        Self { attempt, ..self }
    }
}

/// The log of one task, held by its newest writer.
#[derive(Debug)]
pub(super) struct Log {
    target: Arc<dyn Target>,
    task: Task,
    folder: String,
    /// Names this writer's unfinished files: the number it took the task over with, and what is unique in the world.
    attempt: String,
    number: u64,
    cursor: Option<Cursor>,
}

impl Log {
    /// Takes the task over: fences its older writer, finishes what that one committed, sweeps away what it did not.
    pub(super) async fn open(target: Arc<dyn Target>, task: &Task) -> Result<Self> {
        let folder = folder(task);
        let unique = names::attempt();
        let attempt = |number: u64| format!("{number:020}-{unique}");
        let (number, record) = loop {
            let numbers = numbers(target.as_ref(), &folder).await?;
            let Some(&last) = numbers.last() else {
                let none =
                    Record { version: VERSION, attempt: String::new(), cursor: None, files: vec![], replaces: None, old: vec![] };
                let record = none.taken_over(attempt(1));
                match write(target.as_ref(), &folder, 1, &record).await? {
                    true => break (1, record),
                    false => continue,
                }
            };
            let Some(record) = read(target.as_ref(), &folder, last).await? else { continue };
            let record = record.taken_over(attempt(last + 1));
            if write(target.as_ref(), &folder, last + 1, &record).await? {
                break (last + 1, record);
            }
        };
        let (attempt, cursor) = (record.attempt.clone(), record.cursor.clone());
        let log = Self { target, task: task.clone(), folder, attempt, number, cursor };
        log.made().await?;
        log.publish(&record).await?;
        log.sweep().await?;
        Ok(log)
    }

    /// Where the task stood when this writer took over, or at its last commit.
    pub(super) fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Where this writer's unfinished files are.
    pub(super) fn hidden(&self) -> String {
        format!("{}/{UNFINISHED}", self.folder)
    }

    /// What this writer's unfinished files are called.
    pub(super) fn attempt(&self) -> &str {
        &self.attempt
    }

    /// Makes `files` and `cursor` durable as one, then gives the files their names; with `replace` they replace all others,
    /// if there are any.
    pub(super) async fn commit(&mut self, cursor: &Cursor, files: Vec<Entry>, replace: bool) -> Result<()> {
        cursor.to_json()?;
        let before = self.cursor.as_ref().map_or(0, |cursor| cursor.seq);
        if files.is_empty() && self.cursor.as_ref() == Some(cursor) {
            return Ok(());
        }
        if cursor.seq <= before {
            let text = format!("commit {} does not follow commit {before}: another process runs this task", cursor.seq);
            return Err(Error::new(Kind::Conflict, text).context("task", &self.task));
        }
        for file in &files {
            if !self.target.exists(&file.from).await? {
                self.still_ours().await?;
                return Err(
                    Error::new(Kind::Unavailable, "a file that waited for its commit is gone").context("file", &file.from)
                );
            }
        }
        testing::point("file.before_intent");
        let number = self.number + 1;
        let replaces = (replace && !files.is_empty()).then(|| format!("{number:020}-{}", self.attempt));
        let old = if replaces.is_some() { self.target.present().await? } else { Vec::new() };
        let (attempt, cursor) = (self.attempt.clone(), Some(cursor.clone()));
        let record = Record { version: VERSION, attempt, cursor, files, replaces, old };
        if !replace && testing::broken("no_intent") {
            self.publish(&record).await?;
        }
        if !write(self.target.as_ref(), &self.folder, number, &record).await? {
            return Err(self.fenced());
        }
        self.number = number;
        self.made().await?;
        testing::point("file.after_intent");
        self.publish(&record).await?;
        self.cursor = record.cursor;
        self.forget(self.number.saturating_sub(KEPT + 1)).await
    }

    /// Gives the files of the newest record their names.
    async fn publish(&self, record: &Record) -> Result<()> {
        self.name(record).await?;
        testing::point("file.after_settle");
        Ok(())
    }

    async fn name(&self, record: &Record) -> Result<()> {
        let Record { files, replaces, old, .. } = record;
        if let Some(id) = replaces {
            let generation = Generation {
                owner: self.task.pipeline.to_string(),
                hidden: self.folder.clone(),
                id: id.clone(),
                attempt: self.attempt.clone(),
                files: files.iter().map(|file| (file.from.clone(), file.to.clone())).collect(),
                old: old.clone(),
            };
            return match self.target.replace(&generation).await {
                Ok(()) => Ok(()),
                // A newer writer's doing, most likely.
                Err(error) => self.still_ours().await.and(Err(error)),
            };
        }
        for file in files {
            self.target.publish(&file.from, &file.to).await?;
            testing::point("file.after_rename");
        }
        let visible: Vec<_> = files.iter().map(|file| file.to.clone()).collect();
        self.target.settle(&visible).await
    }

    /// The record that was just made counts.
    async fn made(&self) -> Result<()> {
        let Err(fenced) = self.still_ours().await else { return Ok(()) };
        // A stray that stayed would make the next sleeper's record look as if it followed another.
        if self.number > 1 && !self.target.exists(&name(&self.folder, self.number - 1)).await? {
            self.forget(self.number).await?;
        }
        Err(fenced)
    }

    /// Nobody took the task over since this writer made its last record.
    ///
    /// A number that was removed can be made again, by a writer that slept through all that happened since. It shows: the
    /// record before it is gone too, as records go oldest first, or there are newer ones.
    async fn still_ours(&self) -> Result<()> {
        let numbers = numbers(self.target.as_ref(), &self.folder).await?;
        let follows = self.number == 1 || numbers.contains(&(self.number - 1));
        if follows && numbers.last() == Some(&self.number) { Ok(()) } else { Err(self.fenced()) }
    }

    /// Removes one old record.
    async fn forget(&self, number: u64) -> Result<()> {
        if number == 0 {
            return Ok(());
        }
        self.target.remove(&name(&self.folder, number)).await
    }

    /// Removes what older writers left: unfinished files of no commit, old records, the oldest first. Names begin with the
    /// number of a record, so that a writer which is late with this spares the files of those after it.
    async fn sweep(&self) -> Result<()> {
        let numbered = |name: &str| name.get(..20).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        for left in self.target.list(&self.hidden()).await? {
            if numbered(&left) < self.number {
                self.target.discard(&format!("{}/{left}", self.hidden())).await?;
            }
        }
        for left in self.target.list(&self.folder).await? {
            let number = numbered(&left);
            let old = left.ends_with(".json") && number + KEPT < self.number;
            if old || (left.ends_with(".new") && number <= self.number) {
                self.target.remove(&format!("{}/{left}", self.folder)).await?;
            }
        }
        Ok(())
    }

    fn fenced(&self) -> Error {
        Error::new(Kind::Conflict, "a newer writer took this task over")
            .context("task", &self.task)
            .context("target", self.target.identity())
    }
}

/// The cursors of `pipeline`'s tasks, read without fencing anybody.
///
/// # Errors
/// `CursorLost` when a record does not parse; else as [`Target::list`].
pub async fn cursors(target: &dyn Target, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
    let above = format!("{OWN}/{}", names::escape(pipeline));
    let mut cursors = BTreeMap::new();
    for task in target.list(&above).await? {
        let folder = format!("{above}/{task}");
        while let Some(&last) = numbers(target, &folder).await?.last() {
            // Gone meanwhile: there are newer ones.
            let Some(record) = read(target, &folder, last).await? else { continue };
            if let Some(cursor) = record.cursor {
                cursors.insert(names::unescape(&task).into(), cursor);
            }
            break;
        }
    }
    Ok(cursors)
}

fn folder(task: &Task) -> String {
    format!("{OWN}/{}/{}", names::escape(&task.pipeline), names::escape(&task.task))
}

fn name(folder: &str, number: u64) -> String {
    format!("{folder}/{number:020}.json")
}

/// The numbers of the records that are there, in order.
async fn numbers(target: &dyn Target, folder: &str) -> Result<Vec<u64>> {
    let names = target.list(folder).await?;
    let mut numbers: Vec<_> = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

async fn read(target: &dyn Target, folder: &str, number: u64) -> Result<Option<Record>> {
    let name = name(folder, number);
    let Some(json) = target.read(&name).await? else { return Ok(None) };
    let record: Record = serde_json::from_slice(&json)
        .map_err(|e| Error::new(Kind::CursorLost, "a stored intent does not parse").source(e))
        .context("file", || &name)?;
    if record.version != VERSION {
        let text = format!("the target was written by another release: its intents have version {}", record.version);
        return Err(Error::new(Kind::Unsupported, text).context("file", name));
    }
    Ok(Some(record))
}

async fn write(target: &dyn Target, folder: &str, number: u64, record: &Record) -> Result<bool> {
    let json = serde_json::to_vec(record).map_err(|e| Error::new(Kind::Unexpected, "an intent has no JSON form").source(e))?;
    target.create(&name(folder, number), &json).await
}
