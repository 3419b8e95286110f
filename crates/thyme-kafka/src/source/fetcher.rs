//! The client that fetches records. It is in no group, so that no change of one touches what it has fetched.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use thyme_core::Result;
use tokio::sync::Notify;

use crate::client::{Client, Partition, list};
use crate::error;
use crate::raw;

/// The records of one partition.
pub(super) type Queue = raw::Queue<crate::client::Context>;

/// Fetches partitions, and is asked about them.
pub(super) struct Fetcher {
    pub(super) client: Client,
    fetched: Mutex<BTreeSet<Partition>>,
}

impl Fetcher {
    pub(super) fn new(client: Client) -> Self {
        Self { client, fetched: Mutex::default() }
    }

    /// Fetches a partition from `offset` on. `wake` hears when there is something to take.
    ///
    /// # Errors
    /// `Config` for a topic of no possible name, and where librdkafka refuses.
    pub(super) fn begin(&self, at: &Partition, offset: i64, wake: Arc<Notify>) -> Result<Queue> {
        let consumer = self.client.consumer()?;
        let queue = Queue::new(consumer, &at.0, at.1, wake)?;
        let add = || consumer.incremental_assign(&list(std::slice::from_ref(at), Offset::Offset(offset))?);
        add().map_err(|e| error::from_kafka(e, "fetch a partition"))?;
        self.fetched().insert(at.clone());
        Ok(queue)
    }

    /// Fetches a partition no longer, if it does.
    ///
    /// # Errors
    /// Where librdkafka refuses.
    pub(super) fn end(&self, at: &Partition) -> Result<()> {
        if !self.fetched().remove(at) {
            return Ok(());
        }
        let consumer = self.client.consumer()?;
        let stop = || consumer.incremental_unassign(&list(std::slice::from_ref(at), Offset::Invalid)?);
        stop().map_err(|e| error::from_kafka(e, "fetch a partition no longer"))
    }

    fn fetched(&self) -> std::sync::MutexGuard<'_, BTreeSet<Partition>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
