//! What one run of a pipeline has at hand.
use std::sync::Arc;
use std::time::Duration;

use thyme_core::{CursorFiles, Error, Kind, Result, Schedule, SinkInfo, SourceInfo, StateFiles};
use tokio_util::sync::CancellationToken;

use crate::Pipeline;
use crate::budget::{Budget, Share};
use crate::clock::Clock;
use crate::letters::shelf::Shelf;
use crate::progress::Counters;

/// What one run of a pipeline has at hand.
pub(crate) struct Work {
    pub(crate) pipeline: Pipeline,
    pub(crate) source: SourceInfo,
    pub(crate) sink: SinkInfo,
    pub(crate) store: CursorFiles,
    pub(crate) files: Arc<dyn StateFiles>,
    pub(crate) share: Share,
    /// Bytes that source and sink may each hold beside batches.
    pub(crate) buffer: usize,
    pub(crate) counters: Arc<Counters>,
    /// The runtime of the readers.
    pub(crate) readers: tokio::runtime::Handle,
    pub(crate) threads: usize,
    pub(crate) once: bool,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
}

impl Work {
    /// For what is done to a stopped pipeline; called inside a tokio runtime.
    pub(crate) fn at_rest(files: &Arc<dyn StateFiles>, pipeline: &Pipeline) -> Result<Self> {
        let readers = tokio::runtime::Handle::try_current()
            .map_err(|e| Error::new(Kind::Unexpected, "the state is to be changed inside a tokio runtime").source(e))?;
        const MEMORY: usize = 256 << 20;
        let budget = Budget::new(MEMORY, 1);
        Ok(Self {
            source: pipeline.source.info(),
            sink: pipeline.sink.info(),
            store: CursorFiles::new(Arc::clone(files)),
            files: Arc::clone(files),
            share: budget.share(0),
            buffer: Budget::beside(MEMORY, 1),
            counters: Arc::new(Counters::new(Arc::clone(&pipeline.name))),
            readers,
            threads: 1,
            once: true,
            clock: Clock::default(),
            stop: CancellationToken::new(),
            pipeline: pipeline.clone(),
        })
    }

    /// The run ends where the source ends now.
    pub(crate) fn ends(&self) -> bool {
        self.once || self.source.streaming || self.is_once()
    }

    /// The schedule is `@once`: the cursor remembers that it is done.
    pub(crate) fn is_once(&self) -> bool {
        matches!(self.pipeline.schedule, Some(Schedule::Once))
    }

    /// How often the source is looked at under `@auto`: as it says, else a table every 10 s and files every second.
    pub(crate) fn auto(&self) -> Duration {
        self.source.auto.unwrap_or(Duration::from_secs(if self.source.needs_cursor { 10 } else { 1 }))
    }

    pub(crate) fn shelf(&self) -> Shelf {
        Shelf::of(Arc::clone(&self.files), &self.pipeline.name)
    }
}
