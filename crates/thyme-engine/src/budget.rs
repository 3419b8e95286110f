//! Bytes between readers and writers: one budget for the process, with a guaranteed part for each pipeline.
//!
//! A pipeline may always take from its own part, and from the common rest while there is some. One that holds nothing may take
//! a batch of any size, so that a batch above the whole budget goes alone rather than never. What writers hold back counts too,
//! but for a batch that large, while it is less than the batch.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The bytes of the whole process.
#[derive(Debug)]
pub(crate) struct Budget {
    guaranteed: usize,
    pool: usize,
    used: Mutex<Used>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Used {
    pool: usize,
    shares: Vec<Holds>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Holds {
    /// Read and not yet staged.
    queued: usize,
    /// Staged, and held in memory by writers.
    buffered: usize,
    /// Readers that wait for bytes.
    waiting: usize,
}

impl Budget {
    /// `total` bytes for `pipelines`; half of it is guaranteed, in equal parts.
    pub(crate) fn new(total: usize, pipelines: usize) -> Arc<Self> {
        let guaranteed = total / 2 / pipelines.max(1);
        let pool = total - guaranteed * pipelines;
        let shares = vec![Holds::default(); pipelines];
        Arc::new(Self { guaranteed, pool, used: Mutex::new(Used { pool: 0, shares }), changed: Notify::new() })
    }

    /// Bytes that a source may hold beside batches, as may a sink; they are taken off what [`Budget::new`] is given.
    pub(crate) fn beside(total: usize, pipelines: usize) -> usize {
        total / 8 / pipelines.max(1)
    }

    /// The part of pipeline `index`.
    pub(crate) fn share(self: &Arc<Self>, index: usize) -> Share {
        Share { budget: Arc::clone(self), index, gate: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_take(&self, index: usize, bytes: usize) -> bool {
        let mut used = self.lock();
        let pool = used.pool;
        let Some(holds) = used.shares.get_mut(index) else { return true };
        let (now, then) = (holds.over(self.guaranteed), (holds.total() + bytes).saturating_sub(self.guaranteed));
        let huge = bytes > self.guaranteed + self.pool && holds.buffered <= bytes;
        let alone = holds.queued == 0 && (holds.buffered == 0 || huge);
        if !alone && then > 0 && pool + then - now > self.pool {
            return false;
        }
        holds.queued += bytes;
        used.pool = pool + then - now;
        true
    }

    /// Changes what pipeline `index` holds and keeps the pool's sum right.
    fn change(&self, index: usize, change: impl FnOnce(&mut Holds)) {
        let mut used = self.lock();
        let Some(holds) = used.shares.get_mut(index) else { return };
        let before = holds.over(self.guaranteed);
        change(holds);
        let after = holds.over(self.guaranteed);
        used.pool = (used.pool + after).saturating_sub(before);
        drop(used);
        self.changed.notify_waiters();
    }
}

impl Holds {
    fn total(self) -> usize {
        self.queued + self.buffered
    }

    fn over(self, guaranteed: usize) -> usize {
        self.total().saturating_sub(guaranteed)
    }
}

/// The part of one pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    index: usize,
    /// Readers take turns, so that a large batch is not overtaken for ever.
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl Share {
    /// Waits until `bytes` may be held. They are given back when the permit is dropped.
    pub(crate) async fn take(&self, bytes: usize) -> Permit {
        let _turn = self.gate.lock().await;
        let mut waiting = None;
        loop {
            let changed = self.budget.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.budget.try_take(self.index, bytes) {
                return Permit { share: self.clone(), bytes };
            }
            waiting.get_or_insert_with(|| Waiting::new(self));
            changed.await;
        }
    }

    /// What the writers of this pipeline hold in memory now.
    pub(crate) fn buffered(&self, bytes: usize) {
        self.budget.change(self.index, |holds| holds.buffered = bytes);
    }

    /// The most that it may hold.
    pub(crate) fn most(&self) -> usize {
        self.budget.guaranteed + self.budget.pool
    }

    /// Returns when a reader waits for bytes that only the writers of this pipeline hold.
    pub(crate) async fn starved(&self) {
        loop {
            let changed = self.budget.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let holds = self.budget.lock().shares.get(self.index).copied().unwrap_or_default();
            if holds.waiting > 0 && holds.queued == 0 && holds.buffered > 0 {
                return;
            }
            changed.await;
        }
    }

    /// Bytes that this pipeline holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.budget.lock().shares[self.index].total()
    }
}

/// Bytes held by a batch on its way.
#[derive(Debug)]
pub(crate) struct Permit {
    share: Share,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.share.budget.change(self.share.index, |holds| holds.queued = holds.queued.saturating_sub(self.bytes));
    }
}

struct Waiting<'a>(&'a Share);

impl<'a> Waiting<'a> {
    fn new(share: &'a Share) -> Self {
        share.budget.change(share.index, |holds| holds.waiting += 1);
        Self(share)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.budget.change(self.0.index, |holds| holds.waiting = holds.waiting.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn waits(share: &Share, bytes: usize) -> bool {
        tokio::time::timeout(Duration::from_millis(20), share.take(bytes)).await.is_err()
    }

    #[tokio::test]
    async fn each_pipeline_keeps_its_part_and_shares_the_rest() {
        let budget = Budget::new(1000, 2);
        let (a, b) = (budget.share(0), budget.share(1));
        let first = a.take(700).await;
        assert!(waits(&a, 100).await, "250 of its own and 450 of 500 in common are gone");
        let own = b.take(250).await;
        assert!(waits(&b, 100).await);
        drop(first);
        let more = b.take(100).await;
        assert_eq!((a.held(), b.held()), (0, 350));
        drop((own, more));
        assert_eq!(budget.lock().pool, 0);
    }

    #[tokio::test]
    async fn a_batch_above_the_whole_budget_goes_alone() {
        let budget = Budget::new(100, 1);
        let share = budget.share(0);
        let huge = share.take(5000).await;
        assert!(waits(&share, 1).await);
        drop(huge);
        let small = share.take(1).await;
        assert!(waits(&share, 5000).await);
        drop(small);
        share.buffered(90);
        assert!(waits(&share, 50).await, "it fits once the writer has let go");
        drop(share.take(5000).await);
    }

    #[tokio::test]
    async fn what_writers_hold_starves_readers_until_it_is_committed() {
        let budget = Budget::new(100, 1);
        let share = budget.share(0);
        share.buffered(90);
        let other = share.clone();
        let taken = tokio::spawn(async move { drop(other.take(50).await) });
        share.starved().await;
        share.buffered(0);
        taken.await.unwrap();
    }
}
