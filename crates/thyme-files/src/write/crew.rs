//! The threads that encode.
use std::sync::Arc;

use thyme_core::{Error, Kind, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Runs as many jobs at once as the writer may keep threads busy, where they may take as long as they like.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    free: Arc<Semaphore>,
    threads: usize,
}

/// A job that was begun.
pub(super) type Running<T> = JoinHandle<Result<T>>;

impl Crew {
    pub(super) fn new(threads: usize) -> Self {
        let threads = threads.max(1);
        Self { free: Arc::new(Semaphore::new(threads)), threads }
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Begins `work` as soon as a thread is free.
    pub(super) async fn begin<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<Running<T>> {
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(cut_off)?;
        Ok(tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        }))
    }
}

/// Waits for a job's end.
pub(super) async fn end<T>(running: Running<T>) -> Result<T> {
    running.await.map_err(cut_off)?
}

fn cut_off(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Unexpected, "encoding was cut off").source(error)
}
