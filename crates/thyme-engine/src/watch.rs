//! Keeps a plan polled.
use std::collections::VecDeque;
use std::future::{Future, pending};

use thyme_core::{Error, Plan, SplitId};

/// A plan at work, and what it found meanwhile.
pub(crate) struct Watch {
    pub(crate) plan: Box<dyn Plan>,
    pub(crate) found: VecDeque<SplitId>,
    /// It may find more.
    pub(crate) more: bool,
    /// It failed while something else was being done.
    pub(crate) failed: Option<Error>,
    streaming: bool,
}

impl Watch {
    pub(crate) fn new(plan: Box<dyn Plan>, streaming: bool) -> Self {
        Self { plan, found: VecDeque::new(), more: true, failed: None, streaming }
    }

    /// Looks for the next split, for ever if there can be none.
    pub(crate) async fn look(&mut self) {
        if !self.more {
            return pending().await;
        }
        match self.plan.next().await {
            Ok(Some(split)) => self.found.push_back(split),
            Ok(None) => self.more = false,
            Err(error) => {
                self.more = false;
                self.failed = Some(error);
            }
        }
    }

    /// Does `work` to its end while a streaming plan stays polled: heartbeats and rebalances live there.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.look(), if self.streaming && self.more => {}
            }
        }
    }
}
