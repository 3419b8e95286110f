//! Something that can be written: sink, writer.
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Batch, Cursor, Job, Op, Reject, Result, StateFiles};

/// What a sink says about itself, without reaching it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkInfo {
    /// What is written, without secrets: `file:///data/orders parquet`.
    pub identity: String,
    /// Commits the cursor with the rows: exactly once. Else the engine saves it after the commit: at least once.
    pub holds_cursor: bool,
    /// The operations it can write.
    pub ops: &'static [Op],
    /// Uses [`Batch::before`].
    pub before: bool,
    /// Writes some columns of a row and leaves the others ([`Batch::unset`]).
    pub partial: bool,
    /// Commits only at the end of a poll, which then replaces everything (`overwrite`). Refused for streams.
    pub per_poll: bool,
    /// No commit sooner than this after the last, unless the user says otherwise, the source hands over a split, a moving
    /// start is pinned, or the run ends. While a reader waits for memory that the writer holds ([`Staged::buffered`]), the engine
    /// commits earlier to free it, at most every 5 s.
    pub commit_after: Duration,
    /// No staged row waits longer than this, whatever the user says (a Kafka transaction's time-out).
    pub commit_within: Duration,
}

/// Something that can be written. Made from its configuration without reaching anything. [`Any`]: whoever knows the connectors
/// can tell which one it is.
#[async_trait]
pub trait Sink: Any + Send + Sync + Debug {
    /// What it says about itself.
    fn info(&self) -> SinkInfo;

    /// One place that `pipeline` would write to, as a URL: `file:///data/out/orders-0-00000001-000.jsonl`. A source is asked
    /// whether it [would read it](crate::Source::reads); `None` where sources read nothing that this writes, or it has no place.
    fn writes(&self, pipeline: &str) -> Option<String> {
        let _ = pipeline;
        None
    }

    /// Reaches it, authenticates, sees that it can be written: what `thyme check` runs. Changes nothing.
    ///
    /// # Errors
    /// `Auth`, `NotFound`, `Unavailable`, or whatever stands in the way of writing.
    async fn check(&self) -> Result<()>;

    /// Creates or widens the target for `job.dataset`, fences the task's older writer, finishes or undoes what it left, and
    /// says where it stood. A change of schema is a commit, then a new `open`: no writer sees one midway.
    ///
    /// # Errors
    /// `Conflict` when the target belongs to somebody else, `Schema` when it can't take the dataset.
    async fn open(&self, job: &Job) -> Result<Opened>;

    /// The cursors stored with the data, by task, read without fencing anybody: `thyme cursor` beside a running pipeline.
    ///
    /// # Errors
    /// As [`Sink::check`].
    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let _ = pipeline;
        Ok(BTreeMap::new())
    }

    /// The place it writes to as one that the engine may keep its state in; `None` where that can't be done.
    ///
    /// # Errors
    /// `Config`, or `Auth` when it is not known who asks.
    async fn state_files(&self) -> Result<Option<Arc<dyn StateFiles>>> {
        Ok(None)
    }
}

/// What [`Sink::open`] returns.
pub struct Opened {
    /// Takes the rows.
    pub writer: Box<dyn Writer>,
    /// Where the task stood. `None`: nothing committed yet, or the sink holds no cursor.
    pub cursor: Option<Cursor>,
}

impl Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

/// What [`Writer::stage`] did.
#[derive(Debug, Default)]
pub struct Staged {
    /// Rows refused, by [`Reject::row`]; all others of the batch are staged.
    pub rejects: Vec<Reject>,
    /// Bytes of memory held since the last commit, counted against `--memory`.
    pub buffered: usize,
    /// Commit now, please: a file reached its size.
    pub full: bool,
}

/// One ordered stream of rows into the target. Parallelism inside is its own business. Dropped: as if never staged.
#[async_trait]
pub trait Writer: Send {
    /// Takes the rows; nothing is visible yet, but for a sink that delivers at least once and keeps nothing back.
    ///
    /// # Errors
    /// `Data`: nothing of this batch is staged, earlier ones still are, and the engine bisects. Any other ends the writer.
    async fn stage(&mut self, batch: &Batch) -> Result<Staged>;

    /// All staged rows and `cursor` become durable as one. There may be no rows.
    ///
    /// # Errors
    /// After one nobody knows whether it happened: [`Sink::open`] tells.
    async fn commit(&mut self, cursor: &Cursor) -> Result<()>;
}
