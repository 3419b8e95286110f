//! A task at work: its writer, its cursor, and what is staged since the last commit.
use std::time::Duration;

use thyme_core::testing::{broken, point};
use thyme_core::{Cursor, CursorStore, Error, Job, Kind, Plan, Result, SplitId, Task, Writer};
use tokio::time::Instant;

use crate::letters::intent::Intent;
use crate::letters::pen::Pen;
use crate::metrics;
use crate::watch::Watch;
use crate::watermark::Watermark;
use crate::work::Work;

mod stage;
pub(crate) mod take;

pub(crate) use stage::stage;

/// How long staged rows wait for more where nobody wishes anything.
const LINGER: Duration = Duration::from_secs(1);

/// How long a sink's wish for few commits is heard while its reader waits for memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// A plan of an earlier poll whose rows are not durable yet, and the splits it ended.
pub(crate) struct Past {
    pub(crate) plan: Box<dyn Plan>,
    pub(crate) ended: Vec<SplitId>,
}

/// A task at work.
pub(crate) struct Lane {
    pub(crate) task: Task,
    pub(crate) writer: Box<dyn Writer>,
    /// As of the last staged row; `seq` is that of the last commit.
    pub(crate) cursor: Cursor,
    pub(crate) watermark: Watermark,
    pub(crate) letters: Pen,
    pub(crate) ended: Vec<SplitId>,
    /// Bytes the writer holds in memory.
    pub(crate) buffered: usize,
    /// Batches taken in the poll under way.
    pub(crate) taken: u64,
    /// The poll under way is committed at its end alone.
    at_end: bool,
    /// What is saved of the poll under way while it can't be gone on with: where it began.
    anew: Option<Cursor>,
    staged: Staging,
    last: Instant,
}

/// What is staged and not committed.
#[derive(Debug, Default)]
struct Staging {
    rows: u64,
    bytes: u64,
    late: u64,
    dead: u64,
    skipped: u64,
    since: Option<Instant>,
}

impl Lane {
    /// As [`Lane::open_any`], for the source that the cursor is of.
    ///
    /// # Errors
    /// `Conflict` when the cursor belongs to another source.
    pub(crate) async fn open(work: &Work, job: &Job) -> Result<Self> {
        let lane = Self::open_any(work, job).await?;
        if lane.cursor.source != work.source.identity {
            let text = format!("the stored cursor is of `{}`, the source is `{}`", lane.cursor.source, work.source.identity);
            return Err(Error::new(Kind::Conflict, text).context("task", &lane.task));
        }
        Ok(lane)
    }

    /// Opens the sink for a task, finds where it stands, and settles what an earlier run left in the state folder.
    ///
    /// # Errors
    /// As [`Sink::open`](thyme_core::Sink::open), and when the state can't be read.
    pub(crate) async fn open_any(work: &Work, job: &Job) -> Result<Self> {
        let opened = work.pipeline.sink.open(job).await?;
        let task = job.task.clone();
        let cursor = if work.sink.holds_cursor { opened.cursor } else { work.store.load(&task).await? };
        let cursor = cursor.unwrap_or_else(|| Cursor::start(&work.source.identity));
        let shelf = work.shelf();
        shelf.clear_above(&task.task, cursor.seq).await?;
        Intent::settle(&shelf, &task.task, cursor.seq).await?;
        Ok(Self {
            watermark: Watermark::new(work.source.streaming, cursor.watermark),
            letters: Pen::new(shelf, &task.task),
            task,
            writer: opened.writer,
            cursor,
            ended: Vec::new(),
            buffered: 0,
            taken: 0,
            at_end: work.sink.per_poll,
            anew: None,
            staged: Staging::default(),
            last: Instant::now(),
        })
    }

    /// Whether there is something to commit.
    pub(crate) fn dirty(&self) -> bool {
        self.staged.since.is_some()
    }

    /// The cursor moved without rows: it is to be committed as if there were some.
    pub(crate) fn touch(&mut self) {
        self.staged.since.get_or_insert_with(Instant::now);
    }

    /// Rows were staged past [`Lane::take`].
    pub(crate) fn brought(&mut self, rows: u64) {
        self.staged.rows += rows;
        self.touch();
    }

    /// A new plan reads on from this cursor. With `at_end` its rows are committed together; a `whole` one that is cut short
    /// begins anew.
    pub(crate) fn begin(&mut self, at_end: bool, whole: bool) {
        (self.taken, self.at_end) = (0, at_end);
        self.anew = whole.then(|| self.cursor.clone());
    }

    /// The poll has read all there was. Without rows, what it moves is the plan's to say; a sink that replaces its target hears
    /// of no such poll.
    pub(crate) fn finish_poll(&mut self, work: &Work, plan: &dyn Plan) {
        self.watermark.finish_poll();
        self.anew = None;
        if self.taken == 0 && work.sink.per_poll {
            return;
        }
        let before = self.cursor.clone();
        plan.fold(&mut self.cursor);
        self.cursor.watermark = self.watermark.current();
        self.cursor.finished |= work.is_once() && plan.later().is_none();
        if self.cursor != before {
            self.touch();
        }
    }

    /// Whether the user's bounds say that now is the time.
    pub(crate) fn full(&self, work: &Work) -> bool {
        let commit = &work.pipeline.settings.commit;
        commit.rows.is_some_and(|rows| self.staged.rows >= rows) || commit.bytes.is_some_and(|bytes| self.staged.bytes >= bytes)
    }

    /// When the staged rows are committed at the latest; `None` without any, and where a poll is committed at its end.
    pub(crate) fn due(&self, work: &Work) -> Option<Instant> {
        let since = self.staged.since.filter(|_| !self.at_end)?;
        let commit = &work.pipeline.settings.commit;
        let wish = match commit.every {
            Some(every) => since + every,
            None if commit.is_given() => since + LINGER.max(work.sink.commit_after),
            None => (since + LINGER).max(self.last + work.sink.commit_after),
        };
        let within = since.checked_add(work.sink.commit_within).unwrap_or(wish);
        Some(wish.min(within))
    }

    /// When memory that the writer holds may be freed by a commit; `None` where a poll is committed at its end.
    pub(crate) fn relief(&self, work: &Work) -> Option<Instant> {
        let held = self.buffered > 0 && self.dirty() && !self.at_end;
        held.then(|| self.last + work.sink.commit_after.min(PATIENCE))
    }

    /// A source that has to be committed at once, and a writer that holds all of it in memory.
    ///
    /// # Errors
    /// `Unsupported` once that is more than there is.
    pub(crate) fn fits_memory(&self, work: &Work) -> Result<()> {
        let most = work.share.most();
        if !self.at_end || work.sink.per_poll || self.buffered <= most {
            return Ok(());
        }
        let text =
            "the source can't be read on from midway, so that its rows are committed at once, and the sink holds them in memory";
        Err(Error::new(Kind::Unsupported, text)
            .context("bytes held", self.buffered)
            .context("at most", most)
            .context("remedy", "give the source a key or a `cursor` to go on by, choose another sink, or raise --memory"))
    }

    /// Adds to an error that a writer which can't hold rows for long had to: a commit at the end of the source is its cause, most
    /// likely.
    pub(crate) fn held(&self, work: &Work, error: Error) -> Error {
        let held = self.staged.since.map(|since| since.elapsed()).unwrap_or_default();
        if !self.at_end || work.sink.per_poll || held < work.sink.commit_within {
            return error;
        }
        let seconds = |time: Duration| format!("{} s", time.as_secs());
        error
            .context("rows were held for", seconds(held))
            .context("the sink means to hold them for", seconds(work.sink.commit_within))
            .context(
                "remedy",
                "the source can't be read on from midway and is committed at once: give it a key or a `cursor` to go on by",
            )
    }

    /// Letters, commit, save, acknowledge: in this order, all or nothing.
    ///
    /// # Errors
    /// Any. After it nobody knows what is durable: the task is to be opened anew.
    pub(crate) async fn commit(&mut self, work: &Work, mut watch: Option<&mut Watch>, past: &mut Vec<Past>) -> Result<()> {
        if self.dirty() {
            if let Some(watch) = watch.as_deref() {
                watch.plan.fold(&mut self.cursor);
            }
            self.cursor.seq += 1;
            self.cursor.watermark = self.watermark.current();
            self.cursor.to_json().map_err(|e| e.context("task", &self.task))?;
            if self.letters.seal().await? {
                point("engine.after_dead_letters");
            }
            if broken("ack_before_commit") {
                self.ack(watch.as_deref_mut(), past).await?;
            }
            point("engine.before_commit");
            let started = Instant::now();
            let commit = self.writer.commit(&self.cursor);
            let committed = match watch.as_deref_mut() {
                Some(watch) => watch.beside(commit).await,
                None => commit.await,
            };
            committed.map_err(|e| self.held(work, e))?;
            point("engine.after_commit");
            if !work.sink.holds_cursor {
                let anew = self.anew.as_ref().map(|start| Cursor { seq: self.cursor.seq, ..start.clone() });
                work.store.save(&self.task, anew.as_ref().unwrap_or(&self.cursor)).await?;
            }
            point("engine.after_save");
            self.done(work, started.elapsed());
        }
        self.ack(watch, past).await?;
        point("engine.after_ack");
        Ok(())
    }

    fn done(&mut self, work: &Work, took: Duration) {
        let staged = std::mem::take(&mut self.staged);
        (self.last, self.buffered) = (Instant::now(), 0);
        let name = &*work.pipeline.name;
        metrics::committed(name, took);
        metrics::count(metrics::ROWS_WRITTEN, name, staged.rows);
        metrics::count(metrics::BYTES_WRITTEN, name, staged.bytes);
        metrics::count(metrics::LATE, name, staged.late);
        metrics::count(metrics::DEAD_LETTERS, name, staged.dead);
        metrics::count(metrics::SKIPPED, name, staged.skipped);
        let cursor = self.cursor.clone();
        tracing::debug!(pipeline = name, seq = cursor.seq, rows = staged.rows, seconds = took.as_secs_f64(), "committed");
        work.counters.committed(staged.rows, |summary| {
            summary.written += staged.rows;
            summary.late += staged.late;
            summary.dead += staged.dead;
            summary.skipped += staged.skipped;
            summary.commits += 1;
            summary.cursor = Some(cursor);
        });
    }

    async fn ack(&mut self, watch: Option<&mut Watch>, past: &mut Vec<Past>) -> Result<()> {
        for mut past in past.drain(..) {
            past.plan.ack(&self.cursor, &past.ended).await?;
        }
        if let Some(watch) = watch {
            watch.plan.ack(&self.cursor, &std::mem::take(&mut self.ended)).await?;
        }
        Ok(())
    }
}
