//! How far can be read without passing a row that is yet to be committed.
//!
//! A look remembers the last place that can be seen, and which transactions were open right after. Whoever begins later stamps
//! later. So once those that were open are over, all rows up to that place are there for good. See docs/adr/0011.
use std::time::{Duration, Instant};

use thyme_core::connector::Metric;
use thyme_core::{Job, Result};

use super::key::{Key, Order};
use super::open::{Open, Waits};
use super::relation::Relation;
use crate::client::Client;

/// A transaction takes its time stamp a few instructions before its virtual id shows. A process that is put aside just there
/// for longer than this would be missed.
const STAMPED_UNSEEN: Duration = Duration::from_millis(50);

/// Looks that are remembered; when there are more, every second one is forgotten.
const MOST: usize = 32;

/// How long the reading stays behind before the log says who is to blame, and how often it says so.
const WORTH_A_LINE: Duration = Duration::from_secs(10);

/// The same for a run that is to end and waits.
const WAITS: Duration = Duration::from_secs(1);

/// The place up to which a poll reads, and the looks of earlier polls. Lost with the process, which costs a new look.
#[derive(Debug, Default)]
pub(super) struct Guard {
    looks: Vec<Look>,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Look {
    last: Key,
    waits: Waits,
    at: Instant,
}

/// What a poll can know.
pub(super) struct Question<'a> {
    pub(super) client: &'a Client,
    pub(super) relation: &'a Relation,
    pub(super) order: &'a Order,
    /// What rows of interest fulfil: they lie after what was read.
    pub(super) conditions: Vec<String>,
    /// How long to stay behind at most.
    pub(super) limit: Option<Duration>,
    pub(super) job: &'a Job,
}

impl Guard {
    /// The furthest place that is safe now; with `job.once` the last place there is now, which is waited for.
    pub(super) async fn bound(&mut self, question: Question<'_>) -> Result<Option<Key>> {
        let Question { client, relation, order, conditions, limit, job } = question;
        let last = order.last(client, relation, conditions).await?;
        if thyme_core::testing::broken("postgres.no_guard") {
            return Ok(last);
        }
        if last.is_some() || !self.looks.is_empty() {
            tokio::time::sleep(STAMPED_UNSEEN).await;
        }
        let mut now = Open::now(client).await?;
        if let Some(last) = last {
            self.looks.push(Look { last, waits: Waits::new(&now), at: Instant::now() });
        }
        let mut pause = Duration::from_millis(10);
        loop {
            self.looks.iter_mut().for_each(|look| look.waits.update(&now));
            self.give_up(&now, limit, job);
            let safe = self.looks.iter().rposition(|look| look.waits.over());
            self.tell(&now, safe, job);
            let newest = self.looks.len().checked_sub(1);
            if safe == newest || !job.once {
                return Ok(self.take(safe));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
            now = Open::now(client).await?;
        }
    }

    /// The safe place, and what is kept for the next poll.
    fn take(&mut self, safe: Option<usize>) -> Option<Key> {
        let bound = safe.map(|at| self.looks.drain(..=at).next_back()).and_then(|look| look.map(|look| look.last));
        if self.looks.len() > MOST {
            let mut keep = false;
            // The oldest stays: it is the next to be safe.
            self.looks.retain(|_| {
                keep = !keep;
                keep
            });
        }
        bound
    }

    /// The user's limit: those that were open for longer than that count no more.
    fn give_up(&mut self, now: &Open, limit: Option<Duration>, job: &Job) {
        let Some(limit) = limit else { return };
        for look in self.looks.iter_mut().filter(|look| look.at.elapsed() >= limit && !look.waits.over()) {
            tracing::warn!(
                pipeline = &*job.task.pipeline,
                open = look.waits.names(now),
                "late_commit_wait is over: what these transactions commit late may be missed"
            );
            look.waits = Waits::new(&Open::default());
        }
    }

    fn tell(&mut self, now: &Open, safe: Option<usize>, job: &Job) {
        let held = self.looks.get(safe.map_or(0, |at| at + 1));
        let behind = held.map_or(Duration::ZERO, |look| look.at.elapsed());
        metrics::gauge!(HELD_BACK, "pipeline" => job.task.pipeline.to_string()).set(behind.as_secs_f64());
        let worth = if job.once { WAITS } else { WORTH_A_LINE };
        let Some(look) = held.filter(|_| behind >= worth) else {
            if behind.is_zero() {
                self.told = None;
            }
            return;
        };
        if self.told.is_none_or(|told| told.elapsed() >= WORTH_A_LINE) {
            self.told = Some(Instant::now());
            let what = if job.once { "waiting for the end of open transactions" } else { "held back by open transactions" };
            tracing::warn!(
                pipeline = &*job.task.pipeline,
                seconds = behind.as_secs(),
                open = look.waits.names(now),
                "{what}, which may still commit rows that are due; end them, or set late_commit_wait"
            );
        }
    }
}

const HELD_BACK: &str = "thyme_postgres_held_back_seconds";

/// What a source measures.
pub(crate) const METRICS: &[Metric] = &[Metric {
    name: HELD_BACK,
    kind: "gauge",
    help: "Seconds that the reading stays behind for the sake of transactions that are still open (PostgreSQL)",
}];
