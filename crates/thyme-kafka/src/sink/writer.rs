//! The writer that the engine sees: what blocks is done where that is allowed.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thyme_core::{Batch, Cursor, Error, Kind, Result, Staged, Writer, async_trait};

use super::publisher::Publisher;

/// One task's stream of rows into the topic.
pub(super) struct TopicWriter {
    /// Gone while it is at work elsewhere, and after it failed.
    publisher: Option<Box<Publisher>>,
    stop: Arc<AtomicBool>,
}

impl TopicWriter {
    pub(super) fn new(publisher: Box<Publisher>, stop: Arc<AtomicBool>) -> Self {
        Self { publisher: Some(publisher), stop }
    }

    async fn run<T: Send + 'static>(&mut self, work: impl FnOnce(&mut Publisher) -> Result<T> + Send + 'static) -> Result<T> {
        let publisher = self.publisher.take();
        let publisher =
            publisher.ok_or_else(|| Error::new(Kind::Unexpected, "the writer failed before, and was not opened again"))?;
        let (publisher, done) = blocking(&self.stop, publisher, work).await?;
        self.publisher = Some(publisher);
        Ok(done)
    }
}

#[async_trait]
impl Writer for TopicWriter {
    async fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        if batch.rows.num_rows() == 0 {
            return Ok(Staged::default());
        }
        let batch = batch.clone();
        self.run(move |publisher| publisher.stage(&batch)).await
    }

    async fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        let cursor = cursor.clone();
        self.run(move |publisher| publisher.commit(&cursor)).await
    }
}

/// Lets `publisher` work where it may block; it comes back unless it failed. Dropped meanwhile, it stops as soon as it can.
///
/// # Errors
/// Those of `work`.
pub(super) async fn blocking<T: Send + 'static>(
    stop: &Arc<AtomicBool>,
    mut publisher: Box<Publisher>,
    work: impl FnOnce(&mut Publisher) -> Result<T> + Send + 'static,
) -> Result<(Box<Publisher>, T)> {
    let mut guard = Guard { stop, done: false };
    let done = tokio::task::spawn_blocking(move || work(&mut publisher).map(|done| (publisher, done))).await;
    guard.done = true;
    done.map_err(|e| Error::new(Kind::Unexpected, "writing was cut short").source(e))?
}

/// Tells the work to stop when nobody waits for it any more.
struct Guard<'a> {
    stop: &'a AtomicBool,
    done: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.stop.store(true, Ordering::Release);
        }
    }
}
