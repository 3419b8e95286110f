//! Where a running pipeline stands, for bars and metrics.
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::{Summary, metrics};

/// What a pipeline is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doing {
    /// It opens source and sink.
    #[default]
    Opening,
    /// It reads and stages.
    Reading,
    /// It waits for its next poll.
    Waiting,
    /// It waits before it tries again.
    Retrying,
    /// It has ended.
    Ended,
}

/// A snapshot of a pipeline at work. Rows staged and committed are of this run.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The pipeline's name.
    pub pipeline: Arc<str>,
    /// Rows read, rejected ones included.
    pub read: u64,
    /// Rows staged since the last commit.
    pub staged: u64,
    /// Rows committed.
    pub committed: u64,
    /// When the staged rows are committed, if nothing makes it sooner.
    pub next_commit: Option<std::time::Instant>,
    /// What it is doing.
    pub state: Doing,
}

/// The counters of one pipeline, written by its lanes and read by anybody.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) pipeline: Arc<str>,
    read: AtomicU64,
    bytes: AtomicU64,
    staged: AtomicU64,
    newest: AtomicI64,
    more: Mutex<More>,
}

#[derive(Debug)]
struct More {
    started: Instant,
    committed_at: Option<Instant>,
    next_commit: Option<Instant>,
    state: Doing,
    summary: Summary,
}

impl Counters {
    pub(crate) fn new(pipeline: Arc<str>) -> Self {
        let summary = Summary::of(Arc::clone(&pipeline));
        let more = More { started: Instant::now(), committed_at: None, next_commit: None, state: Doing::default(), summary };
        Self {
            pipeline,
            read: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            staged: AtomicU64::new(0),
            newest: AtomicI64::new(i64::MIN),
            more: Mutex::new(more),
        }
    }

    pub(crate) fn read(&self, rows: u64, bytes: u64) {
        self.read.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        metrics::count(metrics::ROWS_READ, &self.pipeline, rows);
        metrics::count(metrics::BYTES_READ, &self.pipeline, bytes);
    }

    pub(crate) fn stage(&self, rows: u64) {
        self.staged.fetch_add(rows, Ordering::Relaxed);
    }

    /// What was staged and not committed is gone.
    pub(crate) fn unstage(&self) {
        self.staged.store(0, Ordering::Relaxed);
        self.lock().next_commit = None;
    }

    pub(crate) fn event_time(&self, newest: i64) {
        self.newest.fetch_max(newest, Ordering::Relaxed);
    }

    pub(crate) fn state(&self, state: Doing) {
        self.lock().state = state;
    }

    pub(crate) fn next_commit(&self, at: Option<Instant>) {
        self.lock().next_commit = at;
    }

    /// `change` of what the summary will say.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Summary)) {
        change(&mut self.lock().summary);
    }

    pub(crate) fn committed(&self, rows: u64, change: impl FnOnce(&mut Summary)) {
        let left = self.staged.load(Ordering::Relaxed).saturating_sub(rows);
        self.staged.store(left, Ordering::Relaxed);
        let mut more = self.lock();
        more.committed_at = Some(Instant::now());
        change(&mut more.summary);
    }

    pub(crate) fn commits(&self) -> u64 {
        self.lock().summary.commits
    }

    pub(crate) fn summary(&self) -> Summary {
        let more = self.lock();
        let mut summary = more.summary.clone();
        summary.read = self.read.load(Ordering::Relaxed);
        summary.bytes = self.bytes.load(Ordering::Relaxed);
        summary.staged = self.staged.load(Ordering::Relaxed);
        summary.seconds = more.started.elapsed().as_secs_f64();
        summary
    }

    pub(crate) fn snapshot(&self) -> Progress {
        let more = self.lock();
        Progress {
            pipeline: Arc::clone(&self.pipeline),
            read: self.read.load(Ordering::Relaxed),
            staged: self.staged.load(Ordering::Relaxed),
            committed: more.summary.written,
            next_commit: more.next_commit.map(Instant::into_std),
            state: more.state,
        }
    }

    /// Sets the gauges that grow by themselves.
    pub(crate) fn sample(&self) {
        let (since, watermark) = {
            let more = self.lock();
            (more.committed_at.unwrap_or(more.started), more.summary.cursor.as_ref().and_then(|c| c.watermark))
        };
        metrics::set(metrics::STATE_AGE, &self.pipeline, since.elapsed().as_secs_f64());
        let newest = self.newest.load(Ordering::Relaxed);
        if newest != i64::MIN {
            let lag = jiff::Timestamp::now().as_microsecond().saturating_sub(newest);
            metrics::set(metrics::LAG, &self.pipeline, lag as f64 / 1e6);
        }
        if let Some(watermark) = watermark {
            metrics::set(metrics::WATERMARK, &self.pipeline, watermark as f64 / 1e6);
        }
    }

    fn lock(&self) -> MutexGuard<'_, More> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
