//! A sink whose commit breaks where it is told to.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use thyme_core::memory::Crash;
use thyme_core::{Batch, Cursor, Error, Job, Kind, Opened, Result, Retry, Sink, SinkInfo, Staged, Writer, async_trait};

/// Any sink, with one commit that fails: before the sink hears of it, or after it is applied.
#[derive(Debug)]
pub(super) struct Flaky {
    sink: Box<dyn Sink>,
    crash: Crash,
    commits: Arc<AtomicUsize>,
}

struct FlakyWriter {
    writer: Box<dyn Writer>,
    crash: Crash,
    commits: Arc<AtomicUsize>,
}

impl Flaky {
    /// `sink`, breaking at a commit counted from 1 over its life.
    pub(super) fn new(sink: Box<dyn Sink>, crash: Crash) -> Self {
        Self { sink, crash, commits: Arc::default() }
    }

    /// Commits tried so far.
    pub(super) fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Sink for Flaky {
    fn info(&self) -> SinkInfo {
        self.sink.info()
    }
    async fn check(&self) -> Result<()> {
        self.sink.check().await
    }
    async fn open(&self, job: &Job) -> Result<Opened> {
        let Opened { writer, cursor } = self.sink.open(job).await?;
        let writer = FlakyWriter { writer, crash: self.crash, commits: Arc::clone(&self.commits) };
        Ok(Opened { writer: Box::new(writer), cursor })
    }
    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        self.sink.cursors(pipeline).await
    }
}

#[async_trait]
impl Writer for FlakyWriter {
    async fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        self.writer.stage(batch).await
    }
    async fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let broken = || Err(Error::new(Kind::Unavailable, "broken by the suite").retry(Retry::After(Duration::from_millis(1))));
        if self.crash == Crash::Before(number) {
            return broken();
        }
        self.writer.commit(cursor).await?;
        if self.crash == Crash::After(number) { broken() } else { Ok(()) }
    }
}
