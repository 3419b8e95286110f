//! Runs a source by the letter of the contract, without an engine: one plan, a few readers, and a place where what was
//! committed survives a crash.
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::{Batch, Cursor, Error, Job, Kind, Ops, Plan, Position, Reader, Reject, Result, Source, SplitId};

use crate::rows;

/// What is committed: it outlives every run.
#[derive(Clone, Debug, Default)]
pub struct Durable {
    /// The cursor of each task.
    pub cursors: BTreeMap<Arc<str>, Cursor>,
    /// The rows, in the order in which they were committed.
    pub landed: Vec<Landed>,
    /// Records that could not be decoded.
    pub rejects: Vec<Reject>,
}

/// Rows of one batch.
#[derive(Clone, Debug)]
pub struct Landed {
    /// Where they came from.
    pub split: SplitId,
    /// The rows.
    pub rows: RecordBatch,
    /// What happened to each.
    pub ops: Ops,
}

impl Durable {
    /// The ids of all rows, in order.
    ///
    /// # Errors
    /// `Schema` without a column `id`.
    pub fn ids(&self) -> Result<Vec<i64>> {
        let parts = self.landed.iter().map(|landed| rows::ids(&landed.rows)).collect::<Result<Vec<_>>>()?;
        Ok(parts.concat())
    }

    /// The cursor of a process that reads alone.
    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursors.get("0")
    }
}

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Batches between two commits.
    pub every: usize,
    /// Splits read side by side.
    pub readers: usize,
    /// Where it is cut short.
    pub cut: Option<Cut>,
}

impl Default for How {
    fn default() -> Self {
        Self { every: 2, readers: 3, cut: None }
    }
}

/// Where a run is cut short. Commits are counted from 1 in each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The commit is not applied.
    Before(usize),
    /// It is applied, and the source does not hear of it.
    After(usize),
}

impl Cut {
    fn number(self) -> usize {
        match self {
            Self::Before(n) | Self::After(n) => n,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// It met its [`Cut`]; else the source came to its end.
    pub cut: bool,
    /// Commits applied.
    pub commits: usize,
}

/// Nothing here takes that long; a source that does hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One plan of `source`, from where `durable` stands: to its end, or to the cut. `job.once` should be set: else a streaming
/// source has no end.
///
/// # Errors
/// Those of the source, and `Unexpected` when it breaks the contract: hangs, or hands out a split twice.
pub async fn run(source: &dyn Source, job: &Job, durable: &mut Durable, how: How) -> Result<Ended> {
    let info = source.info();
    let from = durable.cursor().cloned().filter(|_| !info.shared).unwrap_or_else(|| Cursor::start(&info.identity));
    let plan = within("plan", source.plan(job, &from)).await?;
    let mut run = Run { plan, job, info, durable, how, open: VecDeque::new(), staged: BTreeMap::new(), commits: 0 };
    run.run().await
}

/// What a task has not committed yet.
#[derive(Default)]
struct Stage {
    landed: Vec<Landed>,
    rejects: Vec<Reject>,
    positions: Vec<(SplitId, Position)>,
    ended: Vec<SplitId>,
}

struct Run<'a> {
    plan: Box<dyn Plan>,
    job: &'a Job,
    info: thyme_core::SourceInfo,
    durable: &'a mut Durable,
    how: How,
    open: VecDeque<(SplitId, Box<dyn Reader>)>,
    staged: BTreeMap<Arc<str>, Stage>,
    commits: usize,
}

impl Run<'_> {
    async fn run(&mut self) -> Result<Ended> {
        let (mut more, mut batches) = (true, 0);
        let cut = loop {
            while more && (self.info.streaming || self.open.len() < self.how.readers) {
                // A streaming plan may have nothing now and something after the next commit.
                let wait = if self.open.is_empty() && self.staged.is_empty() { PATIENCE } else { Duration::from_millis(1) };
                match tokio::time::timeout(wait, self.plan.next()).await {
                    Ok(Ok(Some(split))) => self.start(split).await?,
                    Ok(Ok(None)) => more = false,
                    Ok(Err(error)) => return Err(error),
                    Err(_) if wait == PATIENCE => return Err(hangs("Plan::next, with every split read and acknowledged,")),
                    Err(_) => break,
                }
            }
            let Some((split, mut reader)) = self.open.pop_front() else {
                if self.commit(true).await? {
                    break true;
                }
                if more {
                    continue;
                }
                break false;
            };
            let task = self.task(&split);
            match within("Reader::next", reader.next()).await? {
                Some(batch) => {
                    self.stage(&task, &split, batch)?;
                    self.open.push_back((split, reader));
                    batches += 1;
                }
                None => {
                    self.staged.entry(task).or_default().ended.push(split);
                    batches += usize::from(self.info.streaming) * self.how.every;
                }
            }
            if batches >= self.how.every && !self.plan.whole() {
                batches = 0;
                if self.commit(false).await? {
                    break true;
                }
            }
        };
        Ok(Ended { cut, commits: self.commits })
    }

    fn task(&self, split: &SplitId) -> Arc<str> {
        if self.info.shared { Arc::clone(split) } else { "0".into() }
    }

    async fn start(&mut self, split: SplitId) -> Result<()> {
        if self.open.iter().any(|(open, _)| *open == split) {
            return Err(breaks(format!("the plan gave the split `{split}` while it was being read")));
        }
        let from = self.durable.cursors.get(&self.task(&split)).and_then(|cursor| cursor.splits.get(&split)).cloned();
        let reader = within("Plan::reader", self.plan.reader(&split, from.as_ref())).await?;
        self.open.push_back((split, reader));
        Ok(())
    }

    fn stage(&mut self, task: &Arc<str>, split: &SplitId, batch: Batch) -> Result<()> {
        let (want, have) = (self.job.dataset.columns(), batch.rows.schema_ref());
        if want.fields() != have.fields() {
            return Err(breaks(format!("a batch has the columns {have:?}, and the dataset {want:?}")));
        }
        if let Ops::Each(ops) = &batch.ops
            && ops.len() != batch.rows.num_rows()
        {
            return Err(breaks(format!("a batch has {} rows and {} operations", batch.rows.num_rows(), ops.len())));
        }
        let stage = self.staged.entry(Arc::clone(task)).or_default();
        stage.positions.push((Arc::clone(split), batch.position));
        stage.rejects.extend(batch.rejects);
        stage.landed.push(Landed { split: Arc::clone(split), rows: batch.rows, ops: batch.ops });
        Ok(())
    }

    /// Commits what is staged; true when the run is cut here. At the end of a poll the plan may fold even without rows.
    async fn commit(&mut self, last: bool) -> Result<bool> {
        let mut staged = std::mem::take(&mut self.staged);
        if last && !self.info.shared {
            staged.entry("0".into()).or_default();
        }
        for (task, stage) in staged {
            let old = self.durable.cursors.get(&task).cloned().unwrap_or_else(|| Cursor::start(&self.info.identity));
            let mut cursor = old.clone();
            cursor.splits.extend(stage.positions.iter().cloned());
            self.plan.fold(&mut cursor);
            if !stage.positions.is_empty() || cursor != old {
                cursor.seq += 1;
                let cut = self.how.cut.filter(|cut| cut.number() == self.commits + 1);
                if matches!(cut, Some(Cut::Before(_))) {
                    return Ok(true);
                }
                self.commits += 1;
                // As a sink keeps it: what does not survive JSON is lost here, not in production.
                let kept = Cursor::from_json(cursor.to_json()?.as_bytes())?;
                self.durable.cursors.insert(Arc::clone(&task), kept.clone());
                self.durable.landed.extend(stage.landed);
                self.durable.rejects.extend(stage.rejects);
                if cut.is_some() {
                    return Ok(true);
                }
                cursor = kept;
            }
            within("Plan::ack", self.plan.ack(&cursor, &stage.ended)).await?;
        }
        Ok(false)
    }
}

/// `what` within the patience of the suite.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(hangs(what)))
}

fn hangs(what: &str) -> Error {
    breaks(format!("{what} did not return within {} s", PATIENCE.as_secs()))
}

/// The contract is broken.
pub(crate) fn breaks(text: impl Into<String>) -> Error {
    Error::new(Kind::Unexpected, text)
}
