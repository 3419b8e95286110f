//! Runs a pipeline to its end: opens, polls, and opens again after what may pass.
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use thyme_core::{Advice, Dataset, Error, Job, Kind, Result, Retry, Start};

use crate::lock;
use crate::progress::Doing;
use crate::session::{Broken, Ended, Session};
use crate::work::Work;
use crate::{FromTimestamp, OnCursorLost, columns, metrics, tasks};

/// What goes from one attempt to the next.
pub(crate) struct Going {
    /// The columns, once they are known.
    pub(crate) dataset: Option<Arc<Dataset>>,
    /// New columns are reported.
    pub(crate) report_drift: bool,
    /// Where to begin after a lost cursor.
    start: Option<Start>,
    /// The stored positions no longer hold.
    forget: bool,
    /// When the next poll is due; `None`: now.
    poll: Option<Timestamp>,
    /// The log has what the operator should know.
    advised: bool,
    /// No positions are left from when the source was read by other tasks.
    moved: bool,
}

impl Going {
    pub(crate) fn new(work: &Work) -> Self {
        let settings = &work.pipeline.settings;
        let start = match &settings.from {
            Some(FromTimestamp::At(at)) => Some(Start::At(at.as_microsecond())),
            _ => None,
        };
        Self {
            dataset: None,
            report_drift: settings.dataset.is_none(),
            start,
            forget: false,
            poll: None,
            advised: false,
            moved: false,
        }
    }

    /// With the columns found.
    pub(crate) async fn with_dataset(mut self, work: &Work) -> Result<Self> {
        if self.dataset.is_none() {
            self.dataset = Some(columns::find(work).await?);
        }
        Ok(self)
    }
}

/// Runs it under the lock of its state.
///
/// # Errors
/// Whatever can't be mended by trying again.
pub(crate) async fn run(work: &Work) -> Result<()> {
    let lock = lock::take(work.files.as_ref(), &work.pipeline.name).await?;
    let ended = under_lock(work).await;
    lock.release().await;
    ended
}

async fn under_lock(work: &Work) -> Result<()> {
    let mut going = Going::new(work);
    if !work.once {
        going.poll = first_poll(work);
    }
    let mut pauses = backoff(work);
    loop {
        let commits = work.counters.commits();
        let Err(broken) = Box::pin(attempt(work, &mut going)).await else { return Ok(()) };
        work.counters.unstage();
        work.share.buffered(0);
        if work.counters.commits() > commits {
            pauses = backoff(work);
            going.forget = false;
        }
        if let Some(error) = mend(work, &mut going, broken).await? {
            pause(work, &mut pauses, error).await?;
        }
        if work.stop.is_cancelled() {
            return Ok(());
        }
    }
}

/// A cron expression says when the first poll is; all others begin at once.
fn first_poll(work: &Work) -> Option<Timestamp> {
    match &work.pipeline.schedule {
        Some(schedule @ thyme_core::Schedule::Cron(_)) => schedule.next(work.clock.now(), Duration::ZERO),
        _ => None,
    }
}

/// Opens everything and polls until the end, or until something fails.
async fn attempt(work: &Work, going: &mut Going) -> Result<(), Broken> {
    work.counters.state(Doing::Opening);
    if going.dataset.is_none() {
        going.dataset = Some(columns::find(work).await?);
    }
    if !going.moved {
        tasks::moved(work).await?;
        going.moved = true;
    }
    let (from, to) = jobs(work, going)?;
    let mut session = Session::open(work, from.clone(), to, going.forget).await?;
    if work.is_once() && !going.forget && session.lanes.values().any(|lane| lane.cursor.finished) {
        let cursor = session.lanes.values().next().map(|lane| lane.cursor.clone());
        work.counters.note(|summary| (summary.finished_before, summary.cursor) = (true, cursor));
        return Ok(());
    }
    if let Some(cursor) = session.lanes.values().next().map(|lane| lane.cursor.clone()).filter(|cursor| cursor.seq > 0) {
        work.counters.note(|summary| summary.cursor = Some(cursor));
    }
    advise(work, going, &from).await?;
    loop {
        if let Some(at) = going.poll {
            work.counters.state(Doing::Waiting);
            if session.wait(at).await? == Ended::Stopped {
                return Ok(());
            }
        }
        work.counters.state(Doing::Reading);
        let started = work.clock.now();
        if session.poll().await? == Ended::Stopped {
            return Ok(());
        }
        if work.once && session.resumed && !work.is_once() {
            continue;
        }
        if work.ends() {
            let Some(later) = session.later else { return Ok(()) };
            tracing::info!(pipeline = &*work.pipeline.name, wait = ?later, "the source left something to a later poll");
            going.poll = Some(work.clock.now().saturating_add(later).unwrap_or(Timestamp::MAX));
            continue;
        }
        let next = work.pipeline.schedule.as_ref().and_then(|schedule| schedule.next(started, work.auto()));
        let Some(next) = next else { return Ok(()) };
        going.poll = Some(next);
    }
}

/// Logs what the operator should know, once in a run.
async fn advise(work: &Work, going: &mut Going, job: &Job) -> Result<()> {
    if !going.advised {
        for Advice { message, remedy } in work.pipeline.source.advise(job).await? {
            tracing::warn!(pipeline = &*work.pipeline.name, remedy, "{message}");
        }
        going.advised = true;
    }
    Ok(())
}

/// What source and sink are told.
pub(crate) fn jobs(work: &Work, going: &Going) -> Result<(Job, Job)> {
    let dataset = going.dataset.clone();
    let dataset = dataset.ok_or_else(|| Error::new(Kind::Unexpected, "the columns of the pipeline are not known yet"))?;
    let settings = &work.pipeline.settings;
    let job = work.pipeline.job(dataset);
    let from = Job {
        start: going.start,
        once: work.once || job.once,
        report_drift: going.report_drift,
        buffer: work.buffer,
        threads: work.threads,
        ..job
    };
    let mut to = from.clone();
    if let Some(dataset) = &settings.maps.to {
        to.dataset = Arc::clone(dataset);
    }
    Ok((from, to))
}

/// What can be mended at once is: changed columns, a lost cursor. Else the error, to be waited out.
async fn mend(work: &Work, going: &mut Going, broken: Broken) -> Result<Option<Error>> {
    let Broken { error, source } = broken;
    if let Some(drift) = error.as_drift() {
        columns::drifted(work, going, drift).await.map_err(|e| e.unwrap_or(error))?;
        return Ok(None);
    }
    if error.kind() == Kind::CursorLost && source && !going.forget {
        let start = match work.pipeline.settings.on_cursor_lost {
            OnCursorLost::Fail => return Err(error),
            OnCursorLost::Earliest => Start::Earliest,
            OnCursorLost::Latest => Start::Latest,
        };
        tracing::warn!(pipeline = &*work.pipeline.name, %error, ?start, "the cursor is lost: beginning anew");
        (going.start, going.forget) = (Some(start), true);
        return Ok(None);
    }
    Ok(Some(error))
}

/// Waits before the next attempt; returns the error when there is none.
async fn pause(work: &Work, pauses: &mut impl Iterator<Item = Duration>, error: Error) -> Result<()> {
    let advice = error.retry_advice();
    if advice == Retry::No || error.kind() == Kind::Conflict || work.stop.is_cancelled() {
        return Err(error);
    }
    let Some(pause) = pauses.next() else {
        let attempts = work.pipeline.settings.retry.attempts;
        return Err(if attempts == 0 { error } else { error.context("attempts", attempts + 1) });
    };
    let pause = match advice {
        Retry::After(wanted) => wanted,
        Retry::Backoff | Retry::No => pause,
    };
    tracing::warn!(pipeline = &*work.pipeline.name, %error, ?pause, "trying again");
    metrics::count(metrics::RETRIES, &work.pipeline.name, 1);
    work.counters.state(Doing::Retrying);
    tokio::select! {
        () = work.stop.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
    Ok(())
}

fn backoff(work: &Work) -> backon::ExponentialBackoff {
    let retry = &work.pipeline.settings.retry;
    ExponentialBuilder::new()
        .with_min_delay(retry.first)
        .with_max_delay(retry.longest)
        .with_max_times(retry.attempts)
        .with_jitter()
        .build()
}
