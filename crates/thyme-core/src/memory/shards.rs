//! A stream whose splits come and go.
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{columns, lock};
use crate::testing::broken;
use crate::{Batch, Cursor, Dataset, Error, Job, Kind, Op, Ops, Plan, Position, Reader, Result, Source, SourceInfo, SplitId};

/// One split of [`Shards`]: rows in order, that end when it is closed.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Its name, unique for good.
    pub id: String,
    /// The shards it was split or merged from; it is read when their rows are durable.
    pub parents: Vec<String>,
    /// Its rows, with what they mean.
    pub rows: Vec<(RecordBatch, Ops)>,
    /// No rows will come.
    pub closed: bool,
}

impl Shard {
    /// A closed shard with inserted rows.
    pub fn closed(id: impl Into<String>, parents: &[&str], rows: RecordBatch) -> Self {
        let parents = parents.iter().map(|parent| (*parent).to_owned()).collect();
        Self { id: id.into(), parents, rows: vec![(rows, Ops::All(Op::Insert))], closed: true }
    }
}

/// A stream of shards that split and merge, as Kinesis has it. A clone is the same stream.
///
/// The run ends when every shard is closed and read; under [`Job::once`] also open shards end where they end now.
#[derive(Clone, Debug)]
pub struct Shards {
    dataset: Arc<Dataset>,
    state: Arc<Mutex<BTreeMap<SplitId, Shard>>>,
    changed: watch::Sender<u64>,
    batch_rows: usize,
}

impl Shards {
    /// A stream of these shards, read in batches of 3 rows.
    pub fn new(dataset: Dataset, shards: impl IntoIterator<Item = Shard>) -> Self {
        let shards = shards.into_iter().map(|shard| (shard.id.as_str().into(), shard)).collect();
        Self { dataset: Arc::new(dataset), state: Arc::new(Mutex::new(shards)), changed: watch::Sender::new(0), batch_rows: 3 }
    }

    /// The same stream, read in batches of `rows` rows (at least one).
    #[must_use]
    pub fn batches(self, rows: usize) -> Self {
        Self { batch_rows: rows.max(1), ..self }
    }

    /// Adds a shard, or puts another in place of it.
    pub fn put(&self, shard: Shard) {
        lock(&self.state).insert(shard.id.as_str().into(), shard);
        self.tell();
    }

    /// Adds rows to an open shard.
    ///
    /// # Errors
    /// `NotFound` when there is no such shard, `Conflict` when it is closed.
    pub fn append(&self, shard: &str, rows: RecordBatch, ops: Ops) -> Result<()> {
        {
            let mut state = lock(&self.state);
            let found = state.get_mut(shard).ok_or_else(|| Error::new(Kind::NotFound, format!("there is no shard `{shard}`")))?;
            if found.closed {
                return Err(Error::new(Kind::Conflict, format!("the shard `{shard}` is closed")));
            }
            found.rows.push((rows, ops));
        }
        self.tell();
        Ok(())
    }

    /// Closes a shard.
    ///
    /// # Errors
    /// `NotFound` when there is no such shard.
    pub fn close(&self, shard: &str) -> Result<()> {
        {
            let mut state = lock(&self.state);
            let found = state.get_mut(shard).ok_or_else(|| Error::new(Kind::NotFound, format!("there is no shard `{shard}`")))?;
            found.closed = true;
        }
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

/// Rows read, and whether that is all of a closed shard.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct At {
    next: usize,
    closed: bool,
}

#[async_trait]
impl Source for Shards {
    fn info(&self) -> SourceInfo {
        let identity = format!("memory shards {}", self.dataset.name());
        SourceInfo { identity, streaming: true, ..SourceInfo::default() }
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        Ok(Some(self.dataset.as_ref().clone()))
    }

    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        let mut settled = BTreeSet::new();
        for (split, at) in &from.splits {
            if at.get::<At>()?.closed {
                settled.insert(Arc::clone(split));
            }
        }
        // Whoever has a descendant in the cursor was durable before that began, and `fold` has forgotten it since.
        let mut ancestors = from.splits.keys().cloned().collect::<Vec<_>>();
        let shards = lock(&self.state);
        while let Some(child) = ancestors.pop() {
            for parent in shards.get(&child).map_or(&[][..], |shard| &shard.parents) {
                if settled.insert(parent.as_str().into()) {
                    ancestors.push(parent.as_str().into());
                }
            }
        }
        drop(shards);
        let given = settled.iter().cloned().collect();
        let (stream, changed, read) = (self.clone(), self.changed.subscribe(), Arc::default());
        Ok(Box::new(ShardPlan { stream, job: job.clone(), changed, settled, given, read }))
    }
}

struct ShardPlan {
    stream: Shards,
    job: Job,
    changed: watch::Receiver<u64>,
    /// Closed, read, durable.
    settled: BTreeSet<SplitId>,
    given: HashSet<SplitId>,
    /// Closed and read, durable or not: only a deliberate breakage looks at it.
    read: Arc<Mutex<BTreeSet<SplitId>>>,
}

impl ShardPlan {
    /// A shard that may be read now, and whether there will be more.
    fn ready(&mut self) -> (Option<SplitId>, bool) {
        let shards = lock(&self.stream.state);
        let free = |shard: &Shard| shard.parents.iter().all(|parent| self.settled.contains(parent.as_str()));
        let found = shards.iter().find(|(id, shard)| !self.given.contains(*id) && free(shard)).map(|(id, _)| Arc::clone(id));
        // Under `once` a child of an open shard has to wait for another run.
        let over = |shard: &Shard| self.settled.contains(shard.id.as_str()) || (self.job.once && self.blocked(&shards, shard));
        let more = found.is_some() || !shards.values().all(over);
        (found, more)
    }

    /// Whether the shard, or one it comes from, is open still.
    fn blocked(&self, shards: &BTreeMap<SplitId, Shard>, shard: &Shard) -> bool {
        let (mut seen, mut stack) = (HashSet::new(), vec![shard]);
        while let Some(shard) = stack.pop() {
            if !shard.closed {
                return true;
            }
            let parents = shard.parents.iter().filter(|parent| !self.settled.contains(parent.as_str()));
            stack.extend(parents.filter(|parent| seen.insert(parent.as_str())).filter_map(|p| shards.get(p.as_str())));
        }
        false
    }
}

#[async_trait]
impl Plan for ShardPlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        loop {
            self.changed.borrow_and_update();
            if broken("children_at_read") {
                let read = lock(&self.read).clone();
                self.settled.extend(read);
            }
            match self.ready() {
                (Some(split), _) => {
                    self.given.insert(Arc::clone(&split));
                    return Ok(Some(split));
                }
                (None, false) => return Ok(None),
                (None, true) => {}
            }
            if self.changed.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        if !lock(&self.stream.state).contains_key(split) {
            return Err(Error::new(Kind::CursorLost, format!("the shard `{split}` is gone")));
        }
        let at = from.map(Position::get::<At>).transpose()?.unwrap_or_default();
        let (stream, job, split) = (self.stream.clone(), self.job.clone(), Arc::clone(split));
        let changed = stream.changed.subscribe();
        Ok(Box::new(ShardReader { stream, job, split, at, changed, read: Arc::clone(&self.read) }))
    }

    fn fold(&self, cursor: &mut Cursor) {
        let shards = lock(&self.stream.state);
        let over = |id: &SplitId, at: &Position| {
            let mut children = shards.values().filter(|shard| shard.parents.iter().any(|p| p.as_str() == &**id)).peekable();
            let closed = at.get::<At>().is_ok_and(|at| at.closed);
            closed && children.peek().is_some() && children.all(|child| cursor.splits.contains_key(child.id.as_str()))
        };
        let over = cursor.splits.iter().filter(|(id, at)| over(id, at)).map(|(id, _)| Arc::clone(id)).collect::<Vec<_>>();
        for id in over {
            cursor.splits.remove(&id);
        }
    }

    async fn ack(&mut self, cursor: &Cursor, ended: &[SplitId]) -> Result<()> {
        let closed = |id: &&SplitId| cursor.splits.get(*id).and_then(|at| at.get::<At>().ok()).is_some_and(|at| at.closed);
        self.settled.extend(ended.iter().filter(closed).cloned());
        self.stream.tell();
        Ok(())
    }
}

struct ShardReader {
    stream: Shards,
    job: Job,
    split: SplitId,
    at: At,
    changed: watch::Receiver<u64>,
    read: Arc<Mutex<BTreeSet<SplitId>>>,
}

/// What a reader finds after its position.
enum Found {
    Rows(Box<Batch>, At),
    Wait,
    End,
}

impl ShardReader {
    fn look(&self) -> Result<Found> {
        let shards = lock(&self.stream.state);
        let Some(shard) = shards.get(&self.split) else { return Ok(Found::End) };
        let total = shard.rows.iter().map(|(rows, _)| rows.num_rows()).sum::<usize>();
        let mut first = 0;
        for (rows, ops) in &shard.rows {
            let skip = self.at.next.saturating_sub(first);
            first += rows.num_rows();
            if skip < rows.num_rows() {
                let len = self.stream.batch_rows.min(rows.num_rows() - skip);
                let next = self.at.next + len;
                let at = At { next, closed: shard.closed && next == total };
                let rows = columns(&self.job.dataset, &rows.slice(skip, len))?;
                let ops = ops.slice(skip, len);
                return Ok(Found::Rows(Box::new(Batch { ops, ..Batch::insert(rows, Position::of(&at)) }), at));
            }
        }
        if shard.closed {
            let at = At { next: self.at.next, closed: true };
            let columns = Arc::clone(self.job.dataset.columns());
            return Ok(Found::Rows(Box::new(Batch::moved(columns, Position::of(&at))), at));
        }
        Ok(if self.job.once { Found::End } else { Found::Wait })
    }
}

#[async_trait]
impl Reader for ShardReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        tokio::task::yield_now().await;
        while !self.at.closed {
            self.changed.borrow_and_update();
            match self.look()? {
                Found::Rows(batch, at) => {
                    self.at = at;
                    if at.closed && broken("children_at_read") {
                        lock(&self.read).insert(Arc::clone(&self.split));
                        self.stream.tell();
                    }
                    return Ok(Some(*batch));
                }
                Found::End => return Ok(None),
                Found::Wait => {}
            }
            if self.changed.changed().await.is_err() {
                return Ok(None);
            }
        }
        Ok(None)
    }
}
