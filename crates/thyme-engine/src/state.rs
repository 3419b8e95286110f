//! The state, beside a running engine or without one.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thyme_core::state::IntoStateFiles;
use thyme_core::{Cursor, CursorFiles, CursorStore, Error, Kind, Result, StateFiles};

use crate::lane::Lane;
use crate::letters::replay::{Replayed, replay};
use crate::letters::shelf::Shelf;
use crate::run::{Going, jobs};
use crate::watermark::Watermark;
use crate::work::Work;
use crate::{Letter, Pipeline, columns, lock};

/// Where pipelines stand, and their dead letters.
///
/// Reading fences nobody and works beside a running pipeline; writing asks for a stopped one, and is a `Conflict` otherwise.
#[derive(Clone, Debug)]
pub struct State {
    files: Arc<dyn StateFiles>,
}

impl State {
    /// The state in a folder, or in another place.
    pub fn at(place: impl IntoStateFiles) -> Self {
        Self { files: place.into_state_files() }
    }

    /// The cursors of a pipeline by task, asked of the sink where that holds them.
    ///
    /// # Errors
    /// As [`Sink::cursors`](thyme_core::Sink::cursors), or `CursorLost` for a file that does not parse.
    pub async fn cursors(&self, pipeline: &Pipeline) -> Result<BTreeMap<Arc<str>, Cursor>> {
        if pipeline.sink.info().holds_cursor {
            return pipeline.sink.cursors(&pipeline.name).await;
        }
        CursorFiles::new(Arc::clone(&self.files)).list(&pipeline.name).await
    }

    /// Sets the cursor of a task: `cursor` without its `seq`, which goes on.
    ///
    /// # Errors
    /// `Conflict` when the pipeline is being run, or the cursor is of another source.
    pub async fn set(&self, pipeline: &Pipeline, task: &str, cursor: Cursor) -> Result<Cursor> {
        let work = Work::at_rest(&self.files, pipeline)?;
        if !cursor.source.is_empty() && cursor.source != work.source.identity {
            let text = format!("the cursor is of `{}`, the source is `{}`", cursor.source, work.source.identity);
            return Err(Error::new(Kind::Conflict, text));
        }
        let lock = lock::take(work.files.as_ref(), &pipeline.name).await?;
        let done = put(&work, task, cursor).await;
        lock.release().await;
        done
    }

    /// Sets every cursor of a pipeline to the start of its source, and forgets its columns. Returns how many there were.
    ///
    /// Commits go on counting, so that dead letters keep theirs. A target that each poll replaces is emptied.
    ///
    /// # Errors
    /// `Conflict` when the pipeline is being run.
    pub async fn reset(&self, pipeline: &Pipeline) -> Result<usize> {
        let work = Work::at_rest(&self.files, pipeline)?;
        let lock = lock::take(work.files.as_ref(), &pipeline.name).await?;
        let done = self.forget(&work).await;
        lock.release().await;
        done
    }

    async fn forget(&self, work: &Work) -> Result<usize> {
        let tasks = self.cursors(&work.pipeline).await?;
        work.files.remove(&columns::file(&work.pipeline.name)).await?;
        for task in tasks.keys() {
            put(work, task, Cursor::default()).await?;
        }
        Ok(tasks.len())
    }

    /// The dead letters of a pipeline, by task and commit. Those of a commit that never came to be are left out.
    ///
    /// # Errors
    /// As [`State::cursors`]; `Data` for a letter that does not parse.
    pub async fn letters(&self, pipeline: &Pipeline) -> Result<Vec<Letter>> {
        let shelf = Shelf::of(Arc::clone(&self.files), &pipeline.name);
        let files: BTreeMap<Arc<str>, BTreeSet<u64>> = shelf.files().await?;
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let cursors = self.cursors(pipeline).await?;
        let mut letters = Vec::new();
        for (task, seqs) in files {
            let stands = cursors.get(&task).map_or(0, |cursor| cursor.seq);
            for seq in seqs.into_iter().filter(|seq| *seq <= stands) {
                letters.extend(shelf.read(&task, seq).await?);
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
        replay(&Work::at_rest(&self.files, pipeline)?, pick).await
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
