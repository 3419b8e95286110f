//! A run: who reads which partition, from where, and when it is handed over.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use thyme_core::{Cursor, Error, Job, Kind, Plan, Position, Reader, Result, SplitId};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::block::Block;
use super::decode::Decoder;
use super::group::{Event, Member};
use super::look::{Found, Look};
use super::reader::{Control, PartitionReader};
use super::start::{self, Begin, Ends};
use super::state::{At, Base, partition, same, split};
use crate::client::{Client, Partition, TopicIds};
use crate::config::KafkaSourceConfig;
use crate::error;
use crate::raw::Queue;
use crate::registry::Registry;

/// The most rows of a batch, unless said otherwise.
const ROWS: usize = 65_536;

/// How long a run that ends waits to be a member of its group, so that the group takes its positions.
const JOIN: Duration = Duration::from_secs(4);

/// One run.
pub(super) struct KafkaPlan {
    pub(super) config: Arc<KafkaSourceConfig>,
    pub(super) job: Job,
    pub(super) group: String,
    /// Fetches, and answers questions. It is in no group, so that no change of one touches what it has fetched.
    pub(super) fetcher: Client,
    /// Is in the group.
    pub(super) member: Client<Member>,
    /// Where the schemas of Avro values are.
    pub(super) registry: Option<Arc<Registry>>,
    pub(super) events: UnboundedReceiver<Event>,
    /// Partitions that are to be yielded.
    pub(super) ready: VecDeque<Partition>,
    /// Those that have a reader, or will have one: yielded and not ended.
    pub(super) running: BTreeMap<Partition, Arc<Control>>,
    /// What the group assigned.
    pub(super) assigned: BTreeSet<Partition>,
    /// All that are known, where one process reads all.
    pub(super) known: BTreeSet<Partition>,
    /// The ids of the topics.
    pub(super) ids: TopicIds,
    /// Where partitions begin that have no position of their own.
    pub(super) begin: BTreeMap<Partition, Begin>,
    /// For the cursor's base, once the first look was made.
    pub(super) base: Option<Base>,
    pub(super) ends: Ends,
    /// A revocation that waits for its readers.
    pub(super) revoked: Option<BTreeSet<Partition>>,
    pub(super) look: Look,
    /// What the group is to be told: durable, and not committed to it yet.
    pub(super) durable: BTreeMap<Partition, i64>,
    /// What was last committed to the group.
    pub(super) committed: BTreeMap<Partition, i64>,
    pub(super) joined: bool,
    /// When the group last lost this process to a broken line, or had it back after that.
    pub(super) broke: Option<Instant>,
    /// Why the run is to end.
    pub(super) failed: Option<Error>,
    pub(super) since: Instant,
}

impl KafkaPlan {
    fn on(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Failed(error) => {
                self.failed = Some(error);
                Ok(())
            }
            Event::Assigned(these) => {
                self.joined = true;
                self.broke = self.broke.map(|_| Instant::now());
                self.assigned.extend(these.iter().cloned());
                if self.config.shared {
                    self.ready.extend(these);
                } else if self.known.iter().any(|at| !self.assigned.contains(at)) {
                    // Others have the rest, or the group has not seen a new partition yet.
                    self.look.now();
                }
                self.tell()
            }
            Event::Revoked(these) if self.config.shared => {
                self.assigned.retain(|at| !these.contains(at));
                self.ready.retain(|at| !these.contains(at));
                for at in &these {
                    if let Some(control) = self.running.get(at) {
                        control.stop();
                    }
                }
                self.revoked = Some(these.into_iter().collect());
                self.hand_over()
            }
            Event::Revoked(these) => {
                self.assigned.retain(|at| !these.contains(at));
                // Somebody else joined, or the topic is gone: a look tells.
                self.look.now();
                Ok(())
            }
            Event::Lost if self.config.shared => Err(Error::new(
                Kind::Unavailable,
                "the group gave the partitions of this process to others: no sign of life reached the brokers in time",
            )
            .context("group", &self.group)),
            Event::Lost => {
                // It is joined again by itself, and nothing is to be told meanwhile.
                self.joined = false;
                self.broke = Some(Instant::now());
                self.assigned.clear();
                Ok(())
            }
        }
    }

    /// Agrees to a revocation when all its readers have ended.
    fn hand_over(&mut self) -> Result<()> {
        let waits = self.revoked.as_ref().is_some_and(|these| these.iter().any(|at| self.running.contains_key(at)));
        if waits || self.revoked.take().is_none() {
            return Ok(());
        }
        let consumer = self.member.consumer()?;
        consumer.context().hand_over(consumer)
    }

    /// What a look found: partitions that are new, another topic of the same name.
    fn found(&mut self, found: Found) -> Result<()> {
        if found.others {
            return Err(self.taken());
        }
        for (topic, id) in &found.ids {
            same(topic, self.ids.get(topic).map(String::as_str), Some(id))?;
        }
        if self.config.shared {
            return Ok(()); // Who reads what is the group's to say.
        }
        for at in found.partitions {
            if self.known.insert(at.clone()) && !self.job.once {
                tracing::info!(partition = %split(&at), "a new partition");
                // It came after the first look: all of it is new.
                self.begin.insert(at.clone(), Begin { offset: Offset::Beginning.to_raw().unwrap_or(0), pin: false });
                self.ready.push_back(at);
            }
        }
        Ok(())
    }

    /// Whether a run that ends has nothing more to yield.
    fn done(&self) -> bool {
        if !self.job.once || !self.ready.is_empty() {
            return false;
        }
        match self.config.shared {
            true => self.joined && self.running.is_empty(),
            false => self.joined || self.since.elapsed() >= JOIN,
        }
    }

    /// Where a split begins, and the ends of its partition.
    async fn place(&mut self, at: &Partition, from: Option<&Position>) -> Result<Begin> {
        if self.config.shared || !self.ends.contains_key(at) {
            let ends = self.fetcher.watermarks(vec![at.clone()]).await?;
            self.ends.extend(ends);
        }
        if let Some(from) = from {
            let At { offset, topic } = from.get::<At>()?;
            same(&at.0, topic.as_deref(), self.ids.get(&at.0).map(String::as_str))?;
            start::holds(&self.fetcher, at, offset, &mut self.ends).await?;
            return Ok(Begin { offset, pin: false });
        }
        let begin = match self.begin.remove(at) {
            Some(begin) => begin,
            None => self.first_of_shared(at).await?,
        };
        if begin.offset < 0 {
            let low = self.ends.get(at).map_or(0, |ends| ends.0);
            return Ok(Begin { offset: low, ..begin });
        }
        start::holds(&self.fetcher, at, begin.offset, &mut self.ends).await?;
        Ok(begin)
    }

    /// Where a partition begins that the group gave us and no task has read yet.
    async fn first_of_shared(&mut self, at: &Partition) -> Result<Begin> {
        let partitions = self.fetcher.partitions(&at.0).await?;
        let of = partitions.iter().map(|number| (at.0.clone(), *number)).collect();
        let committed = self.member.committed(of).await?;
        let first = committed.values().filter_map(|(_, note)| first_look(note)).min();
        if !committed.contains_key(at) && self.job.start.is_none() && first.is_some_and(|first| at.1 >= first) {
            // It came after the first look of the group: all of it is new.
            let low = self.ends.get(at).map_or(0, |ends| ends.0);
            return Ok(Begin { offset: low, pin: false });
        }
        let of = std::slice::from_ref(at);
        let begin = start::begin(&self.fetcher, &self.config, &self.job, &self.ends, &committed, of).await?;
        begin.get(at).copied().ok_or_else(|| Error::new(Kind::Unexpected, "a partition without a beginning"))
    }

    /// Tells the group what is durable, for tools that watch the lag, if it knows us: a member that it does not know yet, or any
    /// more, would be taken for another. Positions belong to the cursor: what fails here is no failure.
    fn tell(&mut self) -> Result<()> {
        if !self.joined || self.durable.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for (at, offset) in std::mem::take(&mut self.durable) {
            if self.committed.insert(at.clone(), offset) == Some(offset) {
                continue;
            }
            let mut one = list.add_partition(&at.0, at.1);
            one.set_metadata(note(self.known.iter().filter(|other| other.0 == at.0).count()));
            one.set_offset(Offset::Offset(offset)).map_err(|e| error::from_kafka(e, "keep a position"))?;
        }
        if list.count() > 0
            && let Err(error) = self.member.consumer()?.commit(&list, CommitMode::Async)
        {
            tracing::debug!(%error, "the group did not take the positions");
        }
        Ok(())
    }
}

/// What is written beside an offset of the group: how many partitions there were at the first look.
fn note(partitions: usize) -> String {
    format!("thyme:{partitions}")
}

/// The number in a note.
fn first_look(note: &str) -> Option<i32> {
    note.strip_prefix("thyme:")?.parse().ok()
}

#[async_trait]
impl Plan for KafkaPlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        loop {
            if let Some(error) = self.verdict() {
                return Err(error);
            }
            if let Some(at) = self.ready.pop_front() {
                self.running.insert(at.clone(), Arc::default());
                return Ok(Some(split(&at)));
            }
            if self.done() {
                return Ok(None);
            }
            let health = Arc::clone(self.fetcher.health());
            let patience = self.since + JOIN;
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.on(event)?,
                refused = health.refused() => self.failed = Some(refused),
                found = self.look.found(&self.fetcher) => self.found(found?)?,
                () = tokio::time::sleep_until(patience), if self.job.once && !self.config.shared => {}
            }
        }
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        let at = partition(split)?;
        let control = self.running.entry(at.clone()).or_default().clone();
        let decoder = Decoder::new(&self.config, &self.job)?;
        let gone = self.config.shared && !self.assigned.contains(&at);
        let begin = if gone { Begin { offset: 0, pin: false } } else { self.place(&at, from).await? };
        let end = self.ends.get(&at).map(|ends| ends.1).filter(|_| self.job.once);
        if !gone && end.is_none_or(|end| begin.offset < end) {
            let (fetcher, wake) = (self.fetcher.consumer()?, Arc::clone(&control.wake));
            let queue = Queue::fetch(fetcher, &at.0, at.1, begin.offset, wake);
            *control.queue() = Some(queue.map_err(|e| error::from_kafka(e, "fetch a partition"))?);
        }
        Ok(Box::new(PartitionReader {
            block: Block::new(decoder.wanted()),
            topic: self.ids.get(&at.0).map(|id| id.as_str().into()),
            at,
            decoder,
            control,
            health: Arc::clone(self.fetcher.health()),
            next: begin.offset,
            end,
            pin: begin.pin && !gone,
            rows_at_most: self.config.max_poll_records.unwrap_or(ROWS).min(ROWS * 16),
            registry: self.registry.clone(),
            failed: None,
        }))
    }

    fn fold(&self, cursor: &mut Cursor) {
        let Some(base) = self.base.as_ref().filter(|_| !self.config.shared) else { return };
        let mut base = base.clone();
        // A split has its own position now.
        base.begin.retain(|split, _| !cursor.splits.contains_key(split));
        cursor.base = Some(Position::of(&base));
    }

    async fn ack(&mut self, cursor: &Cursor, ended: &[SplitId]) -> Result<()> {
        for (split, position) in &cursor.splits {
            self.durable.insert(partition(split)?, position.get::<At>()?.offset);
        }
        self.tell()?;
        for split in ended {
            self.running.remove(&partition(split)?);
        }
        self.hand_over()
    }
}

impl Drop for KafkaPlan {
    fn drop(&mut self) {
        self.running.values().for_each(|control| control.close());
        if let Ok(consumer) = self.member.consumer() {
            consumer.context().leave(consumer);
        }
    }
}
