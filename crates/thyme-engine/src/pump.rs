//! Reads one split on the runtime of the readers, and hands its batches over within the budget.
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio::sync::mpsc;

use crate::budget::{Permit, Share};
use crate::map::Maps;
use thyme_core::{Batch, Error, Kind, Reader, Result, SplitId};

/// What a reader has to say.
pub(crate) enum Event {
    /// Rows, within the budget as long as the permit is held.
    Batch(Box<Batch>, Permit),
    /// The reader is done.
    Ended,
    /// The reader can't go on.
    Failed(Error),
}

/// Reads until the split ends, fails, or nobody listens.
pub(crate) async fn pump(
    split: SplitId,
    mut reader: Box<dyn Reader>,
    maps: Maps,
    share: Share,
    to: mpsc::Sender<(SplitId, Event)>,
) {
    loop {
        let next = AssertUnwindSafe(next(&mut *reader, &maps)).catch_unwind().await;
        let event = match next {
            Ok(Ok(Some(batch))) => {
                let permit = share.take(batch.bytes().max(1)).await;
                Event::Batch(Box::new(batch), permit)
            }
            Ok(Ok(None)) => Event::Ended,
            Ok(Err(error)) => Event::Failed(error),
            Err(panic) => Event::Failed(panicked(&*panic).context("split", &split)),
        };
        let last = !matches!(event, Event::Batch(..));
        if to.send((SplitId::clone(&split), event)).await.is_err() || last {
            return;
        }
    }
}

async fn next(reader: &mut dyn Reader, maps: &Maps) -> Result<Option<Batch>> {
    match reader.next().await? {
        Some(batch) => maps.apply(batch).map(Some),
        None => Ok(None),
    }
}

/// A panic of a connector or a user's function, as an error.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::new(Kind::Unexpected, format!("a panic: {}", text.unwrap_or("no message")))
}
