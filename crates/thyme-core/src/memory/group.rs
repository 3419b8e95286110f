//! Partitions that processes share and hand to each other.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use tokio::sync::watch;

use super::{columns, lock};
use crate::{Batch, Cursor, Dataset, Error, Job, Kind, Plan, Position, Reader, Result, Source, SourceInfo, SplitId};

/// The broker's side: who shall have a partition, who has it, and how far it is read. A clone is the same group.
///
/// A partition that is [assigned](Group::assign) elsewhere is first handed back: its reader ends, its rows become durable, then
/// the next member gets it. What nobody who runs was assigned goes to whoever asks first. A member that is dropped loses its
/// partitions at once; the sink's fence keeps its late writes out.
#[derive(Clone, Debug)]
pub struct Group {
    dataset: Arc<Dataset>,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    partitions: Vec<Partition>,
    members: usize,
    /// Those with a plan, which is what takes part.
    live: BTreeSet<usize>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Partition {
    rows: Vec<RecordBatch>,
    wanted: Option<usize>,
    owner: Option<usize>,
    durable: usize,
    handed: usize,
}

impl Partition {
    fn total(&self) -> usize {
        self.rows.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Group {
    /// A group with empty partitions `p0`, `p1` … that nobody has.
    #[must_use]
    pub fn new(dataset: Dataset, partitions: usize) -> Self {
        let partitions = (0..partitions).map(|_| Partition::default()).collect();
        let state = Arc::new(Mutex::new(State { partitions, ..State::default() }));
        Self { dataset: Arc::new(dataset), state, changed: watch::Sender::new(0) }
    }

    /// A process that takes part, numbered from 0, as long as its plan lives. One plan at a time.
    #[must_use]
    pub fn member(&self) -> Member {
        let mut state = lock(&self.state);
        state.members += 1;
        Member { group: self.clone(), id: state.members - 1 }
    }

    /// Adds rows to a partition.
    ///
    /// # Errors
    /// `NotFound` when there is no such partition, `Conflict` when the group is closed, `Schema` when the columns differ.
    pub fn append(&self, partition: usize, rows: &RecordBatch) -> Result<()> {
        let rows = self.dataset.fit(rows)?;
        self.change(partition, |found| found.rows.push(rows))
    }

    /// Gives a partition to the member `to`; who has it hands it back first.
    ///
    /// # Errors
    /// `NotFound` when there is no such partition.
    pub fn assign(&self, partition: usize, to: usize) -> Result<()> {
        self.change(partition, |found| found.wanted = Some(to))
    }

    /// No more rows will come: a member's run ends when every partition is read and durable.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.tell();
    }

    /// Rows of a partition that are durable, as its owner acknowledged them; 0 for one that is not there.
    #[must_use]
    pub fn durable(&self, partition: usize) -> usize {
        lock(&self.state).partitions.get(partition).map_or(0, |found| found.durable)
    }

    /// How often a partition was handed back; 0 for one that is not there.
    #[must_use]
    pub fn handed(&self, partition: usize) -> usize {
        lock(&self.state).partitions.get(partition).map_or(0, |found| found.handed)
    }

    fn change(&self, partition: usize, f: impl FnOnce(&mut Partition)) -> Result<()> {
        {
            let mut state = lock(&self.state);
            let found = state.partitions.get_mut(partition);
            f(found.ok_or_else(|| Error::new(Kind::NotFound, format!("there is no partition {partition}")))?);
        }
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

/// One process of a [`Group`]: a source whose splits are the partitions it has at the time, each a task of its own.
#[derive(Clone, Debug)]
pub struct Member {
    group: Group,
    id: usize,
}

impl Member {
    /// Its number in the group, as [`Group::assign`] takes it.
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }
}

#[async_trait]
impl Source for Member {
    fn info(&self) -> SourceInfo {
        let identity = format!("memory group {}", self.group.dataset.name());
        SourceInfo { identity, streaming: true, shared: true, ..SourceInfo::default() }
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        Ok(Some(self.group.dataset.as_ref().clone()))
    }

    async fn plan(&self, job: &Job, _: &Cursor) -> Result<Box<dyn Plan>> {
        let changed = self.group.changed.subscribe();
        lock(&self.group.state).live.insert(self.id);
        Ok(Box::new(MemberPlan { member: self.clone(), job: job.clone(), changed, held: BTreeSet::new() }))
    }
}

struct MemberPlan {
    member: Member,
    job: Job,
    changed: watch::Receiver<u64>,
    held: BTreeSet<usize>,
}

fn name(partition: usize) -> SplitId {
    format!("p{partition}").into()
}

fn number(split: &str) -> Option<usize> {
    split.strip_prefix('p')?.parse().ok()
}

impl MemberPlan {
    /// A partition that is free and ours, and whether there will be more.
    fn gain(&mut self) -> (Option<usize>, bool) {
        let mut state = lock(&self.member.group.state);
        let ends = state.closed || self.job.once;
        let id = self.member.id;
        let over = |found: &Partition| ends && found.durable >= found.total();
        let ours = |p: &Partition| p.wanted == Some(id) || p.wanted.is_none_or(|wanted| !state.live.contains(&wanted));
        let free = state.partitions.iter().position(|p| ours(p) && p.owner.is_none() && !over(p));
        if let Some(free) = free {
            if let Some(partition) = state.partitions.get_mut(free) {
                (partition.wanted, partition.owner) = (Some(id), Some(id));
            }
            self.held.insert(free);
        }
        (free, state.partitions.iter().any(|found| !over(found)))
    }
}

#[async_trait]
impl Plan for MemberPlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        loop {
            self.changed.borrow_and_update();
            match self.gain() {
                (Some(partition), _) => return Ok(Some(name(partition))),
                (None, false) => return Ok(None),
                (None, true) => {}
            }
            if self.changed.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        let lost = || Error::new(Kind::CursorLost, format!("there is no partition `{split}`"));
        let partition = number(split).ok_or_else(lost)?;
        let (member, job) = (self.member.clone(), self.job.clone());
        let next = from.map(Position::get::<usize>).transpose()?.unwrap_or(0);
        if lock(&member.group.state).partitions.get(partition).is_none_or(|found| found.total() < next) {
            return Err(lost().context("position", next));
        }
        let changed = member.group.changed.subscribe();
        Ok(Box::new(PartitionReader { member, job, partition, next, changed }))
    }

    async fn ack(&mut self, cursor: &Cursor, ended: &[SplitId]) -> Result<()> {
        let id = self.member.id;
        {
            let mut state = lock(&self.member.group.state);
            for (split, at) in &cursor.splits {
                let found = number(split).and_then(|partition| state.partitions.get_mut(partition));
                if let Some(found) = found.filter(|found| found.owner == Some(id)) {
                    found.durable = at.get()?;
                }
            }
            for partition in ended.iter().filter_map(|split| number(split)) {
                self.held.remove(&partition);
                if let Some(found) = state.partitions.get_mut(partition).filter(|found| found.owner == Some(id)) {
                    found.owner = None;
                    found.handed += 1;
                }
            }
        }
        self.member.group.tell();
        Ok(())
    }
}

/// A process that dies or leaves: the group takes back what it had.
impl Drop for MemberPlan {
    fn drop(&mut self) {
        let mut state = lock(&self.member.group.state);
        state.live.remove(&self.member.id);
        for partition in &self.held {
            if let Some(found) = state.partitions.get_mut(*partition).filter(|found| found.owner == Some(self.member.id)) {
                found.owner = None;
            }
        }
        drop(state);
        self.member.group.tell();
    }
}

struct PartitionReader {
    member: Member,
    job: Job,
    partition: usize,
    next: usize,
    changed: watch::Receiver<u64>,
}

/// What a reader finds after its position.
enum Found {
    Rows(RecordBatch),
    Wait,
    End,
}

impl PartitionReader {
    fn look(&self) -> Found {
        let state = lock(&self.member.group.state);
        let Some(found) = state.partitions.get(self.partition) else { return Found::End };
        if found.wanted != Some(self.member.id) {
            return Found::End;
        }
        let mut first = 0;
        for rows in &found.rows {
            let skip = self.next.saturating_sub(first);
            first += rows.num_rows();
            if skip < rows.num_rows() {
                return Found::Rows(rows.slice(skip, (rows.num_rows() - skip).min(2)));
            }
        }
        if state.closed || self.job.once { Found::End } else { Found::Wait }
    }
}

#[async_trait]
impl Reader for PartitionReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        tokio::task::yield_now().await;
        loop {
            self.changed.borrow_and_update();
            match self.look() {
                Found::Rows(rows) => {
                    self.next += rows.num_rows();
                    return Ok(Some(Batch::insert(columns(&self.job.dataset, &rows)?, Position::of(&self.next))));
                }
                Found::End => return Ok(None),
                Found::Wait => {}
            }
            if self.changed.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
