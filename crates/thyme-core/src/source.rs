//! Something that can be read: source, plan, reader.
use std::any::Any;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Advice, Batch, Cursor, Dataset, Error, Job, Kind, Position, Reject, Result, SplitId};

/// What a source says about itself, without reaching it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo {
    /// What is read, without secrets: `postgres://host/db public.orders by updated_at`. Kept in the cursor.
    pub identity: String,
    /// Runs until it is stopped; else it is polled on a schedule.
    pub streaming: bool,
    /// A table without a log of its own: [`Job::cursor`] must name a column.
    pub needs_cursor: bool,
    /// How often a polling source is looked at under `@auto`, which it then is without a schedule of its own. `None`: the
    /// engine's usual pause, and only where the pipeline says `@auto`.
    pub auto: Option<Duration>,
    /// Splits come and go between processes: the engine makes each split a task.
    pub shared: bool,
}

/// Something that can be read. Made from its configuration without reaching anything. [`Any`]: whoever knows the connectors can
/// tell which one it is.
#[async_trait]
pub trait Source: Any + Send + Sync + Debug {
    /// What it says about itself.
    fn info(&self) -> SourceInfo;

    /// Whether what stands at `place`, a URL as [`Sink::writes`](crate::Sink::writes) says it, would be read: a pipeline that
    /// reads what it writes never ends, and is refused. Judged without reaching anything.
    fn reads(&self, place: &str) -> bool {
        let _ = place;
        false
    }

    /// Reaches it, authenticates, finds the table: what `thyme check` runs first, whatever the pipeline asks for.
    ///
    /// # Errors
    /// `Auth`, `NotFound`, `Unavailable`, or whatever stands in the way of reading.
    async fn check(&self) -> Result<()>;

    /// What the operator should know about reading it for `job`: a missing index, a setting that makes a guarantee depend on
    /// who writes. `thyme check` prints it after [`Source::check`], and a run logs it once, before its first poll.
    ///
    /// # Errors
    /// `NotFound`, `Config` … for what the job asks of the source and it does not have, such as the cursor column; else as
    /// [`Source::check`].
    async fn advise(&self, job: &Job) -> Result<Vec<Advice>> {
        let _ = job;
        Ok(Vec::new())
    }

    /// Columns, key and event time as far as the source knows them; `None` where only the user can say (JSON on a topic).
    ///
    /// # Errors
    /// As [`Source::check`].
    async fn discover(&self) -> Result<Option<Dataset>>;

    /// Starts one poll of a polling source, or the whole run of a streaming one. It covers everything after `from` once.
    ///
    /// # Errors
    /// `CursorLost` when `from` can't be gone on from.
    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>>;

    /// Decodes records again that were rejected before: what `thyme dlq replay` runs. Those that are still bad come back as
    /// rejects of the batch, in order; its position counts for nothing.
    ///
    /// # Errors
    /// `Unsupported` for a source whose records can't be decoded apart from it.
    async fn decode(&self, job: &Job, records: &[Reject]) -> Result<Batch> {
        let _ = (job, records);
        Err(Error::new(Kind::Unsupported, "this source cannot decode a record apart from its place")
            .context("source", self.info().identity))
    }
}

/// One poll, or one run: owns what its readers share (an exported snapshot, a broker client, a listing).
///
/// A streaming plan has `next` polled all the time, slow sink or not: heartbeats and rebalances belong there. A polling plan
/// has it pulled when there is room for one more reader, so that a listing stays bounded. Most return a
/// [`fixed::plan`](crate::fixed::plan).
#[async_trait]
pub trait Plan: Send {
    /// The next split to read. Waits if more may come; `None` if not. Cancel-safe, the only thing here that must be.
    ///
    /// # Errors
    /// Any; the plan is then dropped and made anew.
    async fn next(&mut self) -> Result<Option<SplitId>>;

    /// Reads `split` from after `from`.
    ///
    /// # Errors
    /// Any; the plan is then dropped and made anew.
    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>>;

    /// Its rows can't be gone on from midway: no place among them is one that the next plan finds again. The engine then commits
    /// them all at once, at the end: of a plan that is cut short nothing is visible, and the next begins anew. A sink that holds no
    /// cursor gets them as they come, and all of them again after a cut. Not for streams.
    fn whole(&self) -> bool {
        false
    }

    /// It goes on with a poll that was cut short, up to where that one had looked: a run that is to end where the source ends now
    /// polls once more.
    fn resumes(&self) -> bool {
        false
    }

    /// It left something to a later poll, not before this long: a run that is to end where the source ends now waits, and polls
    /// once more.
    fn later(&self) -> Option<Duration> {
        None
    }

    /// Before each commit: fixes the poll's bounds in `base`, folds finished splits into it, forgets what is over. Also called
    /// with a cursor that it folded before, which it must leave as it is.
    fn fold(&self, cursor: &mut Cursor) {
        let _ = cursor;
    }

    /// `cursor` is durable: advance the slot, the group. All rows of the readers in `ended` are durable too: hand the
    /// partition back, open the children. `next` may return an ended split again.
    ///
    /// # Errors
    /// Any; the plan is then dropped and made anew, and `cursor` stands.
    async fn ack(&mut self, cursor: &Cursor, ended: &[SplitId]) -> Result<()> {
        let _ = (cursor, ended);
        Ok(())
    }
}

/// Reads one split, in order, on a thread where it may decode as long as it likes.
#[async_trait]
pub trait Reader: Send {
    /// The next batch. `None`: this reader is done (end of the poll, closed shard, revoked partition); whether the *split* is
    /// done stands in the last position, which the plan understands. Dropped at shutdown, never cancelled and called again.
    ///
    /// # Errors
    /// [`Error::drift`] after the last batch that still fits; `Data` never: records that don't decode are rejects.
    async fn next(&mut self) -> Result<Option<Batch>>;
}
