//! Runs pipelines beside each other, none in another's way.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thyme_core::state::IntoStateFiles;
use thyme_core::{CursorFiles, Error, Kind, Result, StateFiles};
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::progress::{Counters, Doing};
use crate::work::Work;
use crate::{Outcome, Pipeline, Progress, Summary, metrics, run};

const SAMPLE: Duration = Duration::from_secs(2);

/// Runs pipelines beside each other: one state folder, one budget of memory, one runtime where readers decode.
pub struct Engine {
    state: Arc<dyn StateFiles>,
    memory: usize,
    once: bool,
    threads: usize,
    grace: Duration,
    clock: Clock,
    /// `None`: they share the runtime of the one who runs it.
    readers: Option<Runtime>,
    running: Mutex<Vec<Arc<Counters>>>,
}

/// Makes an [`Engine`].
#[derive(Debug)]
#[must_use]
pub struct EngineBuilder {
    state: Arc<dyn StateFiles>,
    memory: usize,
    once: bool,
    threads: usize,
    grace: Duration,
    clock: Clock,
}

impl EngineBuilder {
    /// The folder of cursors, dead letters and locks, or another place for them; the folder `.thyme` without it.
    pub fn state(self, place: impl IntoStateFiles) -> Self {
        Self { state: place.into_state_files(), ..self }
    }

    /// Bytes that batches on their way and writers may hold, all pipelines together; 256 MiB without it.
    pub fn memory(self, bytes: usize) -> Self {
        Self { memory: bytes, ..self }
    }

    /// Runs every source to the end of what is there now, then ends.
    pub fn once(self, once: bool) -> Self {
        Self { once, ..self }
    }

    /// Threads for readers, and how many splits of a polled source are read at once; as many as there are cores without it.
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// How long a pipeline that was told to stop may take to commit; 30 s without it.
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Schedules by a clock that shows `start` now and goes with tokio's, and reads on the runtime it is run on: for tests with
    /// paused time.
    #[cfg(feature = "testing")]
    pub fn clock(self, start: jiff::Timestamp) -> Self {
        Self { clock: Clock::Tokio { start, at: tokio::time::Instant::now() }, ..self }
    }

    /// The engine.
    ///
    /// # Errors
    /// `Unavailable` when no threads can be had.
    pub fn build(self) -> Result<Engine> {
        let readers = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let builder = builder.worker_threads(self.threads).thread_name("thyme-read").enable_all();
            builder.build().map_err(|e| Error::new(Kind::Unavailable, "no threads for readers").source(e))
        };
        let readers = matches!(self.clock, Clock::Wall).then(readers).transpose()?;
        let Self { state, memory, once, threads, grace, clock } = self;
        Ok(Engine { state, memory, once, threads, grace, clock, readers, running: Mutex::default() })
    }
}

impl Engine {
    /// An engine with its state in `./.thyme`, 256 MiB, and a thread a core.
    pub fn builder() -> EngineBuilder {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        EngineBuilder {
            state: ".thyme".into_state_files(),
            memory: 256 << 20,
            once: false,
            threads,
            grace: Duration::from_secs(30),
            clock: Clock::Wall,
        }
    }

    /// Runs `pipelines` until all have ended, or `stop`: then each commits what is staged and ends. One that fails ends alone.
    /// The outcomes are in the order of the pipelines.
    pub async fn run(&self, pipelines: Vec<Pipeline>, stop: CancellationToken) -> Vec<Outcome> {
        let beside = Budget::beside(self.memory, pipelines.len());
        // What sinks hold they report, and it is counted; what sources hold is taken off.
        let budget = Budget::new(self.memory.saturating_sub(beside * pipelines.len()), pipelines.len());
        let counters: Vec<_> = pipelines.iter().map(|p| Arc::new(Counters::new(Arc::clone(&p.name)))).collect();
        self.running().clone_from(&counters);
        counters.iter().for_each(|counters| metrics::begin(&counters.pipeline));
        let mut tasks = JoinSet::new();
        let mut indexes = std::collections::HashMap::new();
        for (index, pipeline) in pipelines.into_iter().enumerate() {
            let readers = self.readers.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone());
            let Some(counters) = counters.get(index).cloned() else { continue };
            let work = Work {
                source: pipeline.source.info(),
                sink: pipeline.sink.info(),
                store: CursorFiles::new(Arc::clone(&self.state)),
                files: Arc::clone(&self.state),
                share: budget.share(index),
                buffer: beside,
                counters,
                readers,
                threads: self.threads,
                once: self.once,
                clock: self.clock,
                stop: stop.child_token(),
                pipeline,
            };
            let grace = self.grace;
            let task = tasks.spawn(async move { (index, guarded(&work, grace).await) });
            indexes.insert(task.id(), index);
        }
        let sampler = sample(counters.clone());
        let mut errors: Vec<Option<Error>> = counters.iter().map(|_| None).collect();
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                let (index, error) = match ended {
                    Ok((index, result)) => (Some(index), result.err()),
                    Err(e) => (indexes.get(&e.id()).copied(), Some(died(e))),
                };
                if let Some(index) = index {
                    ended_one(counters.get(index), error.as_ref());
                    if let Some(slot) = errors.get_mut(index) {
                        *slot = error;
                    }
                }
            }
        };
        tokio::select! {
            () = all => {}
            () = sampler => {}
        }
        counters.iter().for_each(|counters| counters.sample());
        counters.iter().zip(errors).map(|(counters, error)| Outcome { summary: counters.summary(), error }).collect()
    }

    /// Where the pipelines of the run under way, or of the last one, stand.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.running().iter().map(|counters| counters.snapshot()).collect()
    }

    /// What they have done so far.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        self.running().iter().map(|counters| counters.summary()).collect()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Counters>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs it; once it is told to stop it has `grace` left.
async fn guarded(work: &Work, grace: Duration) -> Result<()> {
    let stopped = async {
        work.stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        biased;
        result = Box::pin(run::run(work)) => result,
        () = stopped => {
            let text = format!("what was staged could not be committed within {grace:?} of the signal; it will be read again");
            Err(Error::new(Kind::Unavailable, text))
        }
    }
}

fn ended_one(counters: Option<&Arc<Counters>>, error: Option<&Error>) {
    let Some(counters) = counters else { return };
    counters.state(Doing::Ended);
    counters.next_commit(None);
    match error {
        Some(error) => tracing::error!(pipeline = &*counters.pipeline, %error, "failed"),
        None => tracing::debug!(pipeline = &*counters.pipeline, "ended"),
    }
}

fn died(error: tokio::task::JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => crate::pump::panicked(&*panic),
        Err(_) => Error::new(Kind::Unexpected, "the pipeline was aborted"),
    }
}

async fn sample(counters: Vec<Arc<Counters>>) {
    loop {
        counters.iter().for_each(|counters| counters.sample());
        tokio::time::sleep(SAMPLE).await;
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("state", &self.state).field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl Drop for Engine {
    /// Readers that decode are not waited for: an engine may be dropped inside a runtime.
    fn drop(&mut self) {
        if let Some(readers) = self.readers.take() {
            readers.shutdown_background();
        }
    }
}
