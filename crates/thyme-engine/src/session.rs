//! A source and a sink opened together: polls, one after another, until something fails.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use thyme_core::testing::broken;
use thyme_core::{Cursor, Error, Job, Kind, Result, SplitId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::lane::{Lane, Past};
use crate::pump::{Event, pump};
use crate::watch::Watch;
use crate::work::Work;

/// Events between readers and lanes; their bytes are bounded by the budget.
const QUEUE: usize = 16;

/// Splits that may have ended since the last commit: each stays in the cursor until then, with all that its place says.
const ENDED: usize = 64;

/// How long a plan without readers may wait before what ended is committed, so that it can open what follows.
const STANDSTILL: Duration = Duration::from_secs(1);

/// How many plans may wait for their rows to be durable, where a sink wishes few commits.
const PLANS: usize = 64;

/// How a poll came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything was read.
    Whole,
    /// It was told to stop.
    Stopped,
}

/// Why a session ended, and whether the source is to blame: only then is a lost cursor the source's.
pub(crate) struct Broken {
    pub(crate) error: Error,
    pub(crate) source: bool,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self { error, source: false }
    }
}

fn source(error: Error) -> Broken {
    Broken { error, source: true }
}

/// A source and a sink opened together.
pub(crate) struct Session<'w> {
    work: &'w Work,
    /// What the source is told.
    from: Job,
    /// What the sink is told: another dataset where a map changes the columns.
    to: Job,
    pub(crate) lanes: HashMap<Arc<str>, Lane>,
    past: Vec<Past>,
    /// Positions no longer hold: lanes begin anew.
    forget: bool,
    /// The poll under way is committed at its end alone: the sink replaces its target, or holds the cursor of a plan that can't be
    /// gone on with.
    at_end: bool,
    /// The last poll was the rest of one that was cut short.
    pub(crate) resumed: bool,
    /// The last poll left something to one that is not before this long.
    pub(crate) later: Option<Duration>,
}

/// One poll under way.
struct Poll {
    watch: Watch,
    readers: JoinSet<()>,
    reading: HashSet<SplitId>,
    send: mpsc::Sender<(SplitId, Event)>,
    receive: mpsc::Receiver<(SplitId, Event)>,
}

impl<'w> Session<'w> {
    /// Opens the sink; a source of shared splits opens it for each split as it comes. With `forget`, positions are dropped.
    pub(crate) async fn open(work: &'w Work, from: Job, to: Job, forget: bool) -> Result<Self> {
        let (lanes, past) = (HashMap::new(), Vec::new());
        let mut session = Self { work, from, to, lanes, past, forget, at_end: false, resumed: false, later: None };
        if !work.source.shared {
            let task = Arc::clone(&session.to.task.task);
            session.lane(&task).await?;
        }
        Ok(session)
    }

    /// Whose lane takes the rows of `split`.
    fn key(&self, split: &SplitId) -> Arc<str> {
        let own = self.work.source.shared && !broken("cursor_per_pipeline");
        if own { Arc::clone(split) } else { Arc::clone(&self.to.task.task) }
    }

    async fn lane(&mut self, task: &Arc<str>) -> Result<()> {
        if self.lanes.contains_key(task) {
            return Ok(());
        }
        let mut lane = Lane::open(self.work, &self.to.for_task(Arc::clone(task))).await?;
        if self.forget {
            lane.cursor = Cursor { seq: lane.cursor.seq, ..Cursor::start(&self.work.source.identity) };
        }
        self.lanes.insert(Arc::clone(task), lane);
        Ok(())
    }

    /// One poll of a polling source, or the whole run of a streaming one.
    pub(crate) async fn poll(&mut self) -> Result<Ended, Broken> {
        let start = Cursor::start(&self.work.source.identity);
        let alone = Arc::clone(&self.to.task.task);
        let from = if self.work.source.shared { &start } else { self.lanes.get(&alone).map_or(&start, |lane| &lane.cursor) };
        let plan = self.work.pipeline.source.plan(&self.from, from).await.map_err(source)?;
        let (send, receive) = mpsc::channel(QUEUE);
        let watch = Watch::new(plan, self.work.source.streaming);
        let mut poll = Poll { watch, readers: JoinSet::new(), reading: HashSet::new(), send, receive };
        self.resumed = poll.watch.plan.resumes();
        let whole = poll.watch.plan.whole() && !self.work.source.streaming && !broken("whole_in_parts");
        if whole {
            // Rows of earlier polls are no part of this one.
            self.commit(None).await?;
        }
        self.at_end = self.work.sink.per_poll || (whole && self.work.sink.holds_cursor);
        self.lanes.values_mut().for_each(|lane| lane.begin(self.at_end, whole));
        let ended = self.read(&mut poll).await?;
        // Readers go first: what they hold is read again.
        poll.readers.abort_all();
        self.later = poll.watch.plan.later();
        self.finish(poll.watch, ended).await?;
        Ok(ended)
    }

    async fn read(&mut self, poll: &mut Poll) -> Result<Ended, Broken> {
        let work = self.work;
        loop {
            if let Some(error) = poll.watch.failed.take() {
                return Err(source(error));
            }
            if work.stop.is_cancelled() {
                return Ok(Ended::Stopped);
            }
            while let Some(split) = poll.watch.found.pop_front() {
                self.start(poll, split).await?;
            }
            if !poll.watch.more && poll.reading.is_empty() {
                return Ok(Ended::Whole);
            }
            let due = self.due();
            work.counters.next_commit(due);
            let room = work.source.streaming || poll.reading.len() < work.threads.max(1);
            let still = poll.reading.is_empty() && self.lanes.values().any(|lane| !lane.ended.is_empty()) && !self.at_end;
            tokio::select! {
                biased;
                () = work.stop.cancelled() => return Ok(Ended::Stopped),
                () = poll.watch.look(), if poll.watch.more && room => {}
                Some((split, event)) = poll.receive.recv() => self.on(poll, split, event).await?,
                () = sleep_until(due), if due.is_some() => self.commit_due(&mut poll.watch).await?,
                () = work.share.starved() => self.relieve(&mut poll.watch).await?,
                () = tokio::time::sleep(STANDSTILL), if still => self.commit(Some(&mut poll.watch)).await?,
            }
        }
    }

    async fn start(&mut self, poll: &mut Poll, split: SplitId) -> Result<(), Broken> {
        let key = self.key(&split);
        poll.watch.beside(Box::pin(self.lane(&key))).await?;
        let lane = self.lanes.get_mut(&key).ok_or_else(|| lost(&split))?;
        let reader = poll.watch.plan.reader(&split, lane.cursor.splits.get(&split)).await.map_err(source)?;
        lane.watermark.open(&split);
        let (maps, share) = (self.work.pipeline.settings.maps.clone(), self.work.share.clone());
        let pump = pump(SplitId::clone(&split), reader, maps, share, poll.send.clone());
        poll.readers.spawn_on(pump, &self.work.readers);
        poll.reading.insert(split);
        Ok(())
    }

    async fn on(&mut self, poll: &mut Poll, split: SplitId, event: Event) -> Result<(), Broken> {
        let (key, work) = (self.key(&split), self.work);
        let lane = self.lanes.get_mut(&key).ok_or_else(|| lost(&split))?;
        match event {
            Event::Batch(batch, permit) => {
                let taken = lane.take(work, &self.to.dataset, &split, *batch, &mut poll.watch).await;
                let taken = taken.map_err(|e| handed_over(e, work.source.shared))?;
                let wanted = taken.full || taken.pins || lane.full(work);
                work.share.buffered(self.lanes.values().map(|lane| lane.buffered).sum());
                drop(permit);
                if wanted && !self.at_end {
                    self.commit_lane(&key, Some(&mut poll.watch)).await?;
                }
            }
            Event::Ended => {
                poll.reading.remove(&split);
                lane.watermark.close(&split);
                lane.ended.push(SplitId::clone(&split));
                // Somebody waits for it, another process or its children; or the cursor would grow too large.
                if work.source.streaming || (lane.ended.len() >= ENDED && !self.at_end) {
                    self.commit_lane(&key, Some(&mut poll.watch)).await?;
                }
                if work.source.shared && key == split {
                    self.lanes.remove(&key);
                }
            }
            Event::Failed(error) => {
                if error.as_drift().is_some() && !self.at_end {
                    self.commit(Some(&mut poll.watch)).await?;
                }
                return Err(source(error));
            }
        }
        Ok(())
    }

    /// The poll is over: its rows are committed, or wait for the sink's wish beside those of the next one.
    async fn finish(&mut self, mut watch: Watch, ended: Ended) -> Result<()> {
        let work = self.work;
        let whole = ended == Ended::Whole;
        if whole && !work.source.streaming {
            for lane in self.lanes.values_mut() {
                lane.finish_poll(work, &*watch.plan);
            }
        }
        if self.at_end && !whole {
            return Ok(());
        }
        let now = Instant::now();
        let waits = whole && !work.ends() && !self.at_end && !work.source.shared;
        if waits && self.lanes.values().any(|lane| lane.dirty() && lane.due(work).is_some_and(|due| due > now)) {
            let read = self.lanes.values().any(|lane| lane.taken > 0);
            let ended = self.lanes.values_mut().flat_map(|lane| std::mem::take(&mut lane.ended)).collect::<Vec<_>>();
            if read {
                self.past.push(Past { plan: watch.plan, ended });
            }
            return if self.past.len() < PLANS { Ok(()) } else { self.commit(None).await };
        }
        self.commit(Some(&mut watch)).await
    }

    /// Waits for the next poll and commits what falls due meanwhile. Whether it was told to stop.
    pub(crate) async fn wait(&mut self, until: Timestamp) -> Result<Ended> {
        loop {
            let due = self.due();
            self.work.counters.next_commit(due);
            tokio::select! {
                biased;
                () = self.work.stop.cancelled() => {
                    self.commit(None).await?;
                    return Ok(Ended::Stopped);
                }
                () = sleep_until(due), if due.is_some() => self.commit(None).await?,
                () = self.work.clock.until(until) => return Ok(Ended::Whole),
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.lanes.values().filter_map(|lane| lane.due(self.work)).min()
    }

    async fn commit_due(&mut self, watch: &mut Watch) -> Result<()> {
        let now = Instant::now();
        let due = self.lanes.iter().filter(|(_, lane)| lane.due(self.work).is_some_and(|due| due <= now));
        let due: Vec<_> = due.map(|(key, _)| Arc::clone(key)).collect();
        for key in due {
            self.commit_lane(&key, Some(watch)).await?;
        }
        Ok(())
    }

    /// A reader waits for memory that writers hold: what may be committed is.
    async fn relieve(&mut self, watch: &mut Watch) -> Result<()> {
        let relief = self.lanes.iter().filter_map(|(key, lane)| Some((lane.relief(self.work)?, Arc::clone(key)))).min();
        match relief {
            Some((at, key)) => {
                let stopped = watch.beside(tokio::time::timeout_at(at, self.work.stop.cancelled())).await.is_ok();
                if stopped { Ok(()) } else { self.commit_lane(&key, Some(watch)).await }
            }
            None => {
                self.lanes.values().try_for_each(|lane| lane.fits_memory(self.work))?;
                // Nothing a commit could free: the reader goes on beyond its part, rather than never.
                self.work.share.buffered(0);
                Ok(())
            }
        }
    }

    async fn commit_lane(&mut self, key: &Arc<str>, watch: Option<&mut Watch>) -> Result<()> {
        if let Some(lane) = self.lanes.get_mut(key) {
            let shared = self.work.source.shared;
            Box::pin(lane.commit(self.work, watch, &mut self.past)).await.map_err(|e| handed_over(e, shared))?;
            self.forget = self.forget && self.work.source.shared;
        }
        self.work.share.buffered(self.lanes.values().map(|lane| lane.buffered).sum());
        Ok(())
    }

    async fn commit(&mut self, mut watch: Option<&mut Watch>) -> Result<()> {
        let keys: Vec<_> = self.lanes.keys().cloned().collect();
        for key in keys {
            self.commit_lane(&key, watch.as_deref_mut()).await?;
        }
        Ok(())
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A writer of a shared split that was fenced: the split went to another process before this one heard of it. Whoever has it was
/// chosen by the source, so that the two don't fence each other for ever.
fn handed_over(error: Error, shared: bool) -> Error {
    if !shared || error.kind() != Kind::Conflict {
        return error;
    }
    Error::new(Kind::Unavailable, "a split went to another process while its rows were written").source(error)
}

fn lost(split: &SplitId) -> Error {
    Error::new(Kind::Unexpected, "a batch of a split that nobody reads").context("split", split)
}
