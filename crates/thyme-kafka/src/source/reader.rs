//! Reads one partition: gathers what was fetched, decodes it, and says where the partition stands.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use rdkafka::error::RDKafkaErrorCode as Code;
use serde_json::json;
use thyme_core::{Batch, Error, Kind, Place, Position, Reader, Reject, Result};
use tokio::sync::Notify;

use super::block::Block;
use super::decode::{Bad, Decoder};
use super::open::learn;
use super::state::{At, split};
use crate::client::{Context, Health, Partition};
use crate::error;
use crate::raw::{Queue, Record};
use crate::registry::Registry;

/// The most bytes of values in a batch.
const BYTES: usize = 8 << 20;

/// How long a few records wait for more.
const LINGER: Duration = Duration::from_millis(20);

/// What is few.
const FEW: usize = 4096;

/// The longest wait for a sign that there is something to take.
const LOOK: Duration = Duration::from_millis(500);

/// Tells a reader to end, and that there is something to read; holds its queue, without which nothing is fetched.
#[derive(Default)]
pub(super) struct Control {
    stop: AtomicBool,
    pub(super) wake: Arc<Notify>,
    queue: Mutex<Option<Queue<Context>>>,
}

impl Control {
    /// What the reader takes records from.
    pub(super) fn queue(&self) -> MutexGuard<'_, Option<Queue<Context>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the reader at once, also one that nobody asks any more.
    pub(super) fn close(&self) {
        self.stop();
        *self.queue() = None;
    }

    /// Ends the reader after the batch it is at.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// Reads one partition.
pub(super) struct PartitionReader {
    pub(super) at: Partition,
    /// The id of its topic.
    pub(super) topic: Option<Arc<str>>,
    pub(super) decoder: Decoder,
    pub(super) control: Arc<Control>,
    pub(super) health: Arc<Health>,
    pub(super) block: Block,
    /// The next offset.
    pub(super) next: i64,
    /// Where a run that ends does so.
    pub(super) end: Option<i64>,
    /// A moving start, which is to be kept.
    pub(super) pin: bool,
    pub(super) rows_at_most: usize,
    pub(super) registry: Option<Arc<Registry>>,
    pub(super) failed: Option<Error>,
}

/// What a look at the queue found beside records.
#[derive(Debug, Default)]
struct Seen {
    /// The end of the partition, as the offset that comes next.
    end: Option<i64>,
    failed: Option<Error>,
}

impl PartitionReader {
    /// Takes what is there into the block.
    fn gather(&mut self) -> Seen {
        let mut seen = Seen::default();
        let control = Arc::clone(&self.control);
        let mut queue = control.queue();
        let Some(queue) = queue.as_mut() else { return seen };
        let (block, next, at, stop) = (&mut self.block, &mut self.next, &self.at, self.end);
        loop {
            let left = self.rows_at_most.saturating_sub(block.len());
            if left == 0 || block.bytes() >= BYTES || seen.failed.is_some() || stop.is_some_and(|end| *next >= end) {
                return seen;
            }
            let taken = queue.take(left, |record| match record.error() {
                // Fetched again.
                None if record.offset() < *next => {}
                None if stop.is_some_and(|end| record.offset() >= end) => *next = stop.unwrap_or(*next),
                None => {
                    block.push(record);
                    *next = record.offset() + 1;
                }
                Some(Code::PartitionEOF) => seen.end = Some(record.offset()),
                Some(code) => seen.failed = seen.failed.take().or_else(|| failure(code, record, at)),
            });
            if taken == 0 {
                return seen;
            }
        }
    }

    /// The gathered records as a batch; `None` when nothing is to be said of them.
    async fn batch(&mut self) -> Result<Batch> {
        if self.block.len() == 0 {
            return Ok(self.moved());
        }
        learn(&mut self.decoder, self.registry.as_deref(), &self.block).await?;
        let decoded = self.decoder.decode(&self.block, &self.at)?;
        let mut place = self.next;
        if let Some(drift) = decoded.drift {
            // Nothing after the record with other columns was taken.
            place = self.block.offsets.get(decoded.records).copied().unwrap_or(place);
            self.failed = Some(Error::drift(drift));
        }
        let rejects = decoded.bad.iter().map(|bad| reject(&self.block, bad, &self.at)).collect();
        self.block.clear();
        let (rows, before, unset) = (decoded.rows, decoded.before, decoded.unset);
        Ok(Batch { rows, ops: decoded.ops, before, unset, rejects, position: self.position(place) })
    }

    fn position(&self, offset: i64) -> Position {
        Position::of(&At { offset, topic: self.topic.clone() })
    }

    /// No rows, and where the partition stands.
    fn moved(&self) -> Batch {
        Batch::moved(Arc::clone(self.decoder.schema()), self.position(self.next))
    }

    fn over(&self) -> bool {
        self.control.stopped() || self.end.is_some_and(|end| self.next >= end)
    }
}

#[async_trait]
impl Reader for PartitionReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if std::mem::take(&mut self.pin) {
            return Ok(Some(self.moved()));
        }
        let mut since: Option<Instant> = None;
        loop {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.control.queue().is_none() || (self.over() && self.block.len() == 0) {
                *self.control.queue() = None;
                return Ok(None);
            }
            let before = self.next;
            let seen = self.gather();
            let count = self.block.len();
            // Offsets without records: markers of transactions, records of aborted ones, those that compaction removed.
            if let Some(end) = seen.end {
                self.next = self.next.max(self.end.map_or(end, |own| own.min(end)));
            }
            if let Some(error) = seen.failed {
                self.failed = Some(error);
            }
            if count > 0 {
                self.health.answered();
                let first = *since.get_or_insert_with(Instant::now);
                let waited = first.elapsed();
                if count >= FEW || waited >= LINGER || seen.end.is_some() || self.failed.is_some() || self.over() {
                    return self.batch().await.map(Some);
                }
                let _ = tokio::time::timeout(LINGER - waited, self.control.wake.notified()).await;
                continue;
            }
            if self.next > before {
                return self.batch().await.map(Some);
            }
            let _ = tokio::time::timeout(LOOK, self.control.wake.notified()).await;
        }
    }
}

/// What an error in place of a record means; `None` where librdkafka tries again by itself.
fn failure(code: Code, record: Record<'_>, at: &Partition) -> Option<Error> {
    let reason = error::one_line(&record.reason());
    let error = match code {
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation | Code::NoOffset => {
            Error::new(Kind::CursorLost, "the log no longer has the position: retention removed it, or the topic was made anew")
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            Error::new(Kind::NotFound, "the topic was deleted while it was read")
        }
        code => error::from_code(code, "cannot read the partition"),
    };
    if matches!(error.kind(), Kind::Unavailable) {
        tracing::debug!(partition = %split(at), %reason, "librdkafka goes on");
        return None;
    }
    Some(error.context("partition", split(at)).context("said", reason))
}

/// A record that could not be decoded, with what is known about it.
fn reject(block: &Block, bad: &Bad, at: &Partition) -> Reject {
    let offset = block.offsets.get(bad.record).copied().and_then(|offset| u64::try_from(offset).ok());
    let place = Place { path: Some(split(at).to_string()), offset, column: bad.column, ..Place::default() };
    let payload = block.values.get(bad.record).map(Bytes::copy_from_slice);
    let key = block.keys.get(bad.record).map(|key| String::from_utf8_lossy(key).into_owned());
    let time = block.times.get(bad.record).copied().flatten();
    let hint = json!({ "topic": at.0, "partition": at.1, "offset": offset, "key": key, "timestamp": time });
    Reject { row: None, payload, reason: bad.reason.clone(), place, hint: Some(hint) }
}
