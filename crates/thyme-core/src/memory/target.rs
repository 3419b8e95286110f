//! A sink with a fence, that keeps the cursor with the rows.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::RecordBatch;
use async_trait::async_trait;

use super::{concat, lock};
use crate::{
    Batch, Cursor, Dataset, Error, Job, Kind, Op, Opened, Ops, Reject, Result, Retry, Sink, SinkInfo, Staged, Task, Writer,
};

/// Where a [`Target`] breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The commit with this number fails before it is applied.
    Before(usize),
    /// The commit with this number is applied, and its answer is lost.
    After(usize),
}

/// Rows as they were committed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Whose they are.
    pub task: Task,
    /// The commit of the task that brought them.
    pub seq: u64,
    /// The rows.
    pub rows: RecordBatch,
    /// What happened to each.
    pub ops: Ops,
}

type Refuse = Arc<dyn Fn(&RecordBatch, usize) -> Option<String> + Send + Sync>;

/// A sink in memory. A clone is the same sink with the settings it has then; what is written is shared.
#[derive(Clone)]
pub struct Target {
    info: SinkInfo,
    slow: Duration,
    full: usize,
    refuse: Option<Refuse>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    written: Vec<Committed>,
    tasks: BTreeMap<Task, Fenced>,
    commits: usize,
    crash: Option<Crash>,
}

#[derive(Default)]
struct Fenced {
    fence: u64,
    cursor: Option<Cursor>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("info", &self.info).field("commits", &self.commits()).finish_non_exhaustive()
    }
}

impl Default for Target {
    fn default() -> Self {
        Self::new()
    }
}

impl Target {
    /// An empty sink that holds the cursor and writes every operation.
    #[must_use]
    pub fn new() -> Self {
        let info = SinkInfo {
            identity: "memory target".into(),
            holds_cursor: true,
            ops: Op::ALL,
            before: false,
            partial: false,
            per_poll: false,
            commit_after: Duration::ZERO,
            commit_within: Duration::from_secs(3600),
        };
        Self { info, slow: Duration::ZERO, full: usize::MAX, refuse: None, state: Arc::default() }
    }

    /// The same sink, declared otherwise: `target.declare(|info| info.holds_cursor = false)`.
    #[must_use]
    pub fn declare(mut self, change: impl FnOnce(&mut SinkInfo)) -> Self {
        change(&mut self.info);
        self
    }

    /// The same sink, where every commit takes this long.
    #[must_use]
    pub fn slow(self, commit: Duration) -> Self {
        Self { slow: commit, ..self }
    }

    /// The same sink, which asks for a commit once this many rows are staged.
    #[must_use]
    pub fn full_at(self, rows: usize) -> Self {
        Self { full: rows, ..self }
    }

    /// The same sink, which refuses the rows for which `refuse` has a reason.
    #[must_use]
    pub fn refuse(self, refuse: impl Fn(&RecordBatch, usize) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { refuse: Some(Arc::new(refuse)), ..self }
    }

    /// Breaks once, at a commit counted from 1 over the sink's life; `None` takes it back.
    pub fn crash(&self, at: Option<Crash>) {
        lock(&self.state).crash = at;
    }

    /// Commits tried so far, applied or not.
    #[must_use]
    pub fn commits(&self) -> usize {
        lock(&self.state).commits
    }

    /// Everything committed, in order; with `per_poll` what the last poll left.
    #[must_use]
    pub fn written(&self) -> Vec<Committed> {
        lock(&self.state).written.clone()
    }

    /// The committed rows in order as one batch of `dataset`, whatever their operations.
    ///
    /// # Errors
    /// `Schema` when they were written with other columns.
    pub fn rows(&self, dataset: &Dataset) -> Result<RecordBatch> {
        let parts = self.written().into_iter().map(|written| written.rows).collect::<Vec<_>>();
        concat(dataset, &parts)
    }
}

#[async_trait]
impl Sink for Target {
    fn info(&self) -> SinkInfo {
        self.info.clone()
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn open(&self, job: &Job) -> Result<Opened> {
        let mut state = lock(&self.state);
        let fenced = state.tasks.entry(job.task.clone()).or_default();
        fenced.fence += 1;
        let writer = TargetWriter { target: self.clone(), task: job.task.clone(), fence: fenced.fence, staged: Vec::new() };
        Ok(Opened { writer: Box::new(writer), cursor: fenced.cursor.clone() })
    }

    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let state = lock(&self.state);
        let of = state.tasks.iter().filter(|(task, _)| &*task.pipeline == pipeline);
        Ok(of.filter_map(|(task, fenced)| Some((Arc::clone(&task.task), fenced.cursor.clone()?))).collect())
    }
}

struct TargetWriter {
    target: Target,
    task: Task,
    fence: u64,
    staged: Vec<(RecordBatch, Ops)>,
}

#[async_trait]
impl Writer for TargetWriter {
    async fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        if let Some(op) = batch.ops.outside(self.target.info.ops) {
            return Err(Error::new(Kind::Unsupported, format!("this target can't {}", op.name())).context("task", &self.task));
        }
        let reason = |row: usize| self.target.refuse.as_ref().and_then(|refuse| refuse(&batch.rows, row));
        let refused = (0..batch.rows.num_rows()).filter_map(|row| {
            let reason = reason(row)?;
            Some(Reject { row: Some(row), reason, ..Reject::default() })
        });
        let rejects = refused.collect::<Vec<_>>();
        let kept = if rejects.is_empty() {
            (batch.rows.clone(), batch.ops.clone())
        } else {
            let keep = (0..batch.rows.num_rows()).map(|row| Some(!rejects.iter().any(|reject| reject.row == Some(row))));
            let kept = batch.filter(&keep.collect())?;
            (kept.rows, kept.ops)
        };
        self.staged.push(kept);
        let rows = self.staged.iter().map(|(rows, _)| rows.num_rows()).sum::<usize>();
        let buffered = self.staged.iter().map(|(rows, _)| rows.get_array_memory_size()).sum();
        Ok(Staged { rejects, buffered, full: rows >= self.target.full })
    }

    async fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        tokio::time::sleep(self.target.slow).await;
        let mut state = lock(&self.target.state);
        state.commits += 1;
        let number = state.commits;
        let crash = state.crash.take_if(|at| matches!(at, Crash::Before(n) | Crash::After(n) if *n == number));
        let broken = |text: &str| Error::new(Kind::Unavailable, text).retry(Retry::After(Duration::from_millis(1)));
        if matches!(crash, Some(Crash::Before(_))) {
            return Err(broken("broken before the commit"));
        }
        let fenced = state.tasks.entry(self.task.clone()).or_default();
        if fenced.fence != self.fence {
            return Err(Error::new(Kind::Conflict, "fenced by a newer writer of this task").context("task", &self.task));
        }
        if self.target.info.holds_cursor {
            let stands = fenced.cursor.as_ref().map_or(0, |cursor| cursor.seq);
            if cursor.seq != stands + 1 {
                let text = format!("commit {} does not follow commit {stands}", cursor.seq);
                return Err(Error::new(Kind::Conflict, text).context("task", &self.task));
            }
            fenced.cursor = Some(cursor.clone());
        }
        if self.target.info.per_poll {
            state.written.clear();
        }
        let (task, seq) = (&self.task, cursor.seq);
        let staged = std::mem::take(&mut self.staged).into_iter().filter(|(rows, _)| rows.num_rows() > 0);
        state.written.extend(staged.map(|(rows, ops)| Committed { task: task.clone(), seq, rows, ops }));
        if crash.is_some() {
            return Err(broken("broken after the commit: its answer is lost"));
        }
        Ok(())
    }
}
