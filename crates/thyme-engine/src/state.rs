//! The state folder, beside a running engine or without one.
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use thyme_core::{Cursor, CursorStore, DiskStore, Error, Kind, Result};

use crate::lane::Lane;
use crate::letters::replay::{Replayed, replay};
use crate::letters::shelf::{Shelf, remove};
use crate::lock::Lock;
use crate::run::{Going, jobs};
use crate::watermark::Watermark;
use crate::work::Work;
use crate::{Letter, Pipeline};

/// Where pipelines stand, and their dead letters.
///
/// Reading fences nobody and works beside a running pipeline; writing asks for a stopped one, and is a `Conflict` otherwise.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// The state in `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { root: folder.into() }
    }

    /// The cursors of a pipeline by task, asked of the sink where that holds them.
    ///
    /// # Errors
    /// As [`Sink::cursors`](thyme_core::Sink::cursors), or `CursorLost` for a file that does not parse.
    pub async fn cursors(&self, pipeline: &Pipeline) -> Result<BTreeMap<Arc<str>, Cursor>> {
        if pipeline.sink.info().holds_cursor {
            return pipeline.sink.cursors(&pipeline.name).await;
        }
        DiskStore::new(&self.root).list(&pipeline.name).await
    }

    /// Sets the cursor of a task: `cursor` without its `seq`, which goes on.
    ///
    /// # Errors
    /// `Conflict` when the pipeline is being run, or the cursor is of another source.
    pub async fn set(&self, pipeline: &Pipeline, task: &str, cursor: Cursor) -> Result<Cursor> {
        let work = Work::at_rest(&self.root, pipeline)?;
        if !cursor.source.is_empty() && cursor.source != work.source.identity {
            let text = format!("the cursor is of `{}`, the source is `{}`", cursor.source, work.source.identity);
            return Err(Error::new(Kind::Conflict, text));
        }
        let _lock = Lock::take(&work.folder, &pipeline.name)?;
        put(&work, task, cursor).await
    }

    /// Sets every cursor of a pipeline to the start of its source, and forgets its columns. Returns how many there were.
    ///
    /// Commits go on counting, so that dead letters keep theirs. A target that each poll replaces is emptied.
    ///
    /// # Errors
    /// `Conflict` when the pipeline is being run.
    pub async fn reset(&self, pipeline: &Pipeline) -> Result<usize> {
        let work = Work::at_rest(&self.root, pipeline)?;
        let _lock = Lock::take(&work.folder, &pipeline.name)?;
        let tasks = self.cursors(pipeline).await?;
        remove(&work.folder.join("dataset.json"))?;
        for task in tasks.keys() {
            put(&work, task, Cursor::default()).await?;
        }
        Ok(tasks.len())
    }

    /// The dead letters of a pipeline, by task and commit. Those of a commit that never came to be are left out.
    ///
    /// # Errors
    /// As [`State::cursors`]; `Data` for a letter that does not parse.
    pub async fn letters(&self, pipeline: &Pipeline) -> Result<Vec<Letter>> {
        let shelf = Shelf::of(&self.root.join(&*pipeline.name));
        let files: BTreeMap<Arc<str>, BTreeSet<u64>> = shelf.files()?;
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let cursors = self.cursors(pipeline).await?;
        let mut letters = Vec::new();
        for (task, seqs) in files {
            let stands = cursors.get(&task).map_or(0, |cursor| cursor.seq);
            for seq in seqs.into_iter().filter(|seq| *seq <= stands) {
                letters.extend(shelf.read(&task, seq)?);
            }
        }
        Ok(letters)
    }

    /// The dead letter with this [`Letter::id`].
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn letter(&self, pipeline: &Pipeline, id: &str) -> Result<Letter> {
        let found = self.letters(pipeline).await?.into_iter().find(|letter| letter.id() == id);
        found.ok_or_else(|| Error::new(Kind::NotFound, format!("there is no dead letter `{id}`; `thyme dlq list` shows them")))
    }

    /// Brings the letters that `pick` picks in again, exactly once, each task in one commit with unchanged positions. Those that
    /// fail again stay.
    ///
    /// # Errors
    /// `Conflict` when the pipeline is being run, `Unsupported` for a source that can't decode a record by itself, and whatever
    /// source and sink return.
    pub async fn replay(&self, pipeline: &Pipeline, pick: impl Fn(&Letter) -> bool) -> Result<Replayed> {
        replay(&Work::at_rest(&self.root, pipeline)?, pick).await
    }
}

/// Commits `cursor` without rows: the sink takes it as it takes any.
async fn put(work: &Work, task: &str, cursor: Cursor) -> Result<Cursor> {
    let (_, to) = jobs(work, &Going::new(work).with_dataset(work).await?)?;
    let mut lane = Lane::open_any(work, &to.for_task(task.into())).await?;
    lane.cursor = Cursor { seq: lane.cursor.seq, source: work.source.identity.clone(), ..cursor };
    lane.watermark = Watermark::new(work.source.streaming, lane.cursor.watermark);
    lane.touch();
    lane.commit(work, None, &mut Vec::new()).await?;
    Ok(lane.cursor)
}
