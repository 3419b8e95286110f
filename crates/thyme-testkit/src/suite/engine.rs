//! Cases through the real engine: a source into memory, memory into a sink.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thyme_core::memory::{Crash, Table, Target};
use thyme_core::{Advice, Cursor, Dataset, Job, Plan, Position, Reader, Result, Sink, Source, SourceInfo, SplitId, async_trait};
use thyme_engine::{CommitPolicy, Engine, Pipeline, RetryPolicy};
use tokio_util::sync::CancellationToken;

use super::flaky::Flaky;
use super::source::{fixture, job};
use super::{Case, check};
use crate::drive::breaks;
use crate::harness::{Change, SinkHarness, SourceDeclares, SourceFixture, SourceHarness};
use crate::rows::{self, Row};

const ROWS: i64 = 60;

pub(super) fn source_cases(harness: &Arc<dyn SourceHarness>, declares: &SourceDeclares) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |applies: bool, name: &str, work: fn(Arc<dyn SourceHarness>) -> super::Work| {
        let harness = Arc::clone(harness);
        cases.extend(applies.then(|| Case::new(format!("source/engine/{name}"), move || work(harness))));
    };
    case(true, "every_row_once_whatever_commit_breaks", |h| Box::pin(whatever_breaks(h)));
    case(true, "no_ack_before_its_commit_is_durable", |h| Box::pin(no_early_ack(h)));
    case(declares.hands_over, "three_engines_trade_splits", |h| Box::pin(three_engines(h)));
    cases
}

pub(super) fn sink_cases(harness: &Arc<dyn SinkHarness>) -> Vec<Case> {
    let harness = Arc::clone(harness);
    vec![Case::new("sink/engine/every_row_once_whatever_commit_breaks", move || into_sink(harness))]
}

/// A pipeline that commits every few rows and tries again at once.
fn pipeline(job: &Job, source: Box<dyn Source>, sink: Arc<dyn Sink>, commit: CommitPolicy) -> Result<Pipeline> {
    let source: Arc<dyn Source> = source.into();
    let streaming = source.info().streaming;
    let retry = RetryPolicy { attempts: 5, first: Duration::from_millis(1), longest: Duration::from_millis(10) };
    let mut builder = Pipeline::dynamic("suite").source(source).sink(sink).dataset(job.dataset.as_ref().clone());
    if !streaming {
        builder = builder.every("10ms");
        if let Some(cursor) = &job.cursor {
            builder = builder.cursor(cursor.clone());
        }
    }
    builder.commit(commit).retry(retry).build()
}

fn state() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|e| breaks(format!("no folder for the state: {e}")))
}

/// Everything that is there now.
async fn once(state: &tempfile::TempDir, pipeline: Pipeline) -> Result<()> {
    let engine = Engine::builder().state(state.path()).once(true).threads(2).build()?;
    let outcomes = engine.run(vec![pipeline], CancellationToken::new()).await;
    drop_outside(engine).await;
    outcomes.into_iter().find_map(|outcome| outcome.error).map_or(Ok(()), Err)
}

/// An engine owns a runtime, and a runtime must not end inside another.
async fn drop_outside(engine: Engine) {
    let _ = tokio::task::spawn_blocking(move || drop(engine)).await;
}

fn by_rows(rows: u64) -> CommitPolicy {
    CommitPolicy { rows: Some(rows), ..CommitPolicy::default() }
}

/// Each commit in turn breaks before it is applied, then after; the same engine opens the task again.
async fn whatever_breaks(harness: Arc<dyn SourceHarness>) -> Result<()> {
    for crash in [Crash::Before as fn(usize) -> Crash, Crash::After] {
        for at in 1.. {
            let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
            let (target, job, state) = (Target::new(), job(fixture.as_ref())?, state()?);
            target.crash(Some(crash(at)));
            let place = |error: thyme_core::Error| error.context("broken", format!("{:?}", crash(at)));
            once(
                &state,
                pipeline(
                    &job,
                    fixture.source()?,
                    Arc::new(target.clone()),
                    by_rows(harness.declares().rows.unsigned_abs() / 10),
                )?,
            )
            .await
            .map_err(place)?;
            check::once(&ids(&target, &job.dataset)?, 0..harness.declares().rows).map_err(place)?;
            keyed(&harness, &ids(&target, &job.dataset)?).map_err(place)?;
            if target.commits() < at {
                check::that(at > 3, || format!("the whole source took {} commits", at - 1))?;
                break;
            }
        }
    }
    Ok(())
}

fn ids(target: &Target, dataset: &Dataset) -> Result<Vec<i64>> {
    rows::ids(&target.rows(dataset)?)
}

fn keyed(harness: &Arc<dyn SourceHarness>, ids: &[i64]) -> Result<()> {
    let Some(keys) = harness.declares().keyed else { return Ok(()) };
    for key in 0..keys {
        let of = ids.iter().filter(|id| *id % keys == key).collect::<Vec<_>>();
        check::that(of.is_sorted(), || format!("the rows of the key {key} are out of order: {of:?}"))?;
    }
    Ok(())
}

/// What a plan was told too early.
#[derive(Clone, Debug, Default)]
struct Early {
    acks: Arc<AtomicUsize>,
    early: Arc<Mutex<Vec<String>>>,
}

/// A source that looks, whenever it is told that something is durable, whether it is.
#[derive(Debug)]
struct Watched {
    source: Box<dyn Source>,
    target: Target,
    early: Early,
}

struct WatchedPlan {
    plan: Box<dyn Plan>,
    target: Target,
    early: Early,
    shared: bool,
}

#[async_trait]
impl Source for Watched {
    fn info(&self) -> SourceInfo {
        self.source.info()
    }
    async fn check(&self) -> Result<()> {
        self.source.check().await
    }
    async fn advise(&self, job: &Job) -> Result<Vec<Advice>> {
        self.source.advise(job).await
    }
    async fn discover(&self) -> Result<Option<Dataset>> {
        self.source.discover().await
    }
    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        let plan = self.source.plan(job, from).await?;
        let (target, early) = (self.target.clone(), self.early.clone());
        Ok(Box::new(WatchedPlan { plan, target, early, shared: self.info().shared }))
    }
}

#[async_trait]
impl Plan for WatchedPlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        self.plan.next().await
    }
    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        self.plan.reader(split, from).await
    }
    fn whole(&self) -> bool {
        self.plan.whole()
    }
    fn resumes(&self) -> bool {
        self.plan.resumes()
    }
    fn later(&self) -> Option<Duration> {
        self.plan.later()
    }
    fn fold(&self, cursor: &mut Cursor) {
        self.plan.fold(cursor);
    }
    async fn ack(&mut self, cursor: &Cursor, ended: &[SplitId]) -> Result<()> {
        self.early.acks.fetch_add(1, Ordering::SeqCst);
        let task = cursor.splits.keys().next().filter(|_| self.shared).map_or("0", |split| split);
        let durable = self.target.cursors("suite").await?.get(task).map_or(0, |durable| durable.seq);
        if cursor.seq > durable {
            let text = format!("told of commit {} of the task {task} when {durable} was durable", cursor.seq);
            self.early.early.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
        self.plan.ack(cursor, ended).await
    }
}

async fn no_early_ack(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
    let (job, state) = (job(fixture.as_ref())?, state()?);
    let target = Target::new().slow(Duration::from_millis(3));
    let early = Early::default();
    let source = Watched { source: fixture.source()?, target: target.clone(), early: early.clone() };
    once(
        &state,
        pipeline(&job, Box::new(source), Arc::new(target.clone()), by_rows(harness.declares().rows.unsigned_abs() / 10))?,
    )
    .await?;
    let told = early.early.lock().unwrap_or_else(PoisonError::into_inner).clone();
    check::that(told.is_empty(), || format!("the source was {}", told.join("; ")))?;
    let acks = early.acks.load(Ordering::SeqCst);
    check::that(acks >= 3, || format!("{acks} acknowledgements are too few to show anything"))?;
    check::once(&ids(&target, &job.dataset)?, 0..harness.declares().rows)
}

/// One of the engines that share the splits.
struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<()>>,
}

fn join(fixture: &dyn SourceFixture, job: &Job, target: &Target) -> Result<Running> {
    let every = CommitPolicy { every: Some(Duration::from_millis(5)), ..CommitPolicy::default() };
    let pipeline = pipeline(job, fixture.join()?, Arc::new(target.clone()), every)?;
    let (stop, state) = (CancellationToken::new(), state()?);
    let token = stop.clone();
    let task = tokio::spawn(async move {
        let engine = Engine::builder().state(state.path()).threads(1).build()?;
        let outcomes = engine.run(vec![pipeline], token).await;
        drop_outside(engine).await;
        drop(state);
        outcomes.into_iter().find_map(|outcome| outcome.error).map_or(Ok(()), Err)
    });
    Ok(Running { stop, task })
}

/// Splits move between three processes while rows come; one process leaves, another joins.
async fn three_engines(harness: Arc<dyn SourceHarness>) -> Result<()> {
    const ALL: i64 = 600;
    let fixture = fixture(&harness, &Row::range(0..100)).await?;
    let target = Target::new().slow(Duration::from_micros(300));
    let mut job = job(fixture.as_ref())?;
    job.once = false;
    let mut engines = Vec::new();
    for _ in 0..3 {
        engines.push(join(fixture.as_ref(), &job, &target)?);
    }
    for turn in 0..40usize {
        let begin = 100 + i64::try_from(turn).unwrap_or_default() * 10;
        fixture.add(&Row::range(begin..begin + 10)).await?;
        fixture.change(Change::HandOver(turn)).await?;
        if turn == 20 {
            let leaving = engines.swap_remove(1);
            leaving.stop.cancel();
            ended(leaving).await?;
            engines.push(join(fixture.as_ref(), &job, &target)?);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fixture.add(&Row::range(500..ALL)).await?;
    let patience = Instant::now() + Duration::from_secs(30);
    while ids(&target, &job.dataset)?.len() < usize::try_from(ALL).unwrap_or(usize::MAX)
        && Instant::now() < patience
        && engines.iter().all(|engine| !engine.task.is_finished())
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for engine in &engines {
        engine.stop.cancel();
    }
    for engine in engines {
        ended(engine).await?;
    }
    let ids = ids(&target, &job.dataset)?;
    check::once(&ids, 0..ALL)?;
    keyed(&harness, &ids)?;
    let tasks = target.cursors("suite").await?;
    check::that(tasks.len() > 1, || format!("the splits were to be tasks of their own: {:?}", tasks.keys()))
}

async fn ended(engine: Running) -> Result<()> {
    engine.task.await.map_err(|e| breaks(format!("an engine died: {e}")))?
}

/// A table into the sink, where each commit in turn fails before or after it is applied.
async fn into_sink(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let dataset = rows::dataset("suite")?;
    let table = Table::new(dataset.clone());
    table.append(&rows::batch(&Row::range(0..ROWS))?)?;
    let mut job = Job::new(thyme_core::Task::alone("suite"), Arc::new(dataset.clone()));
    job.cursor = Some("tick".into());
    for crash in [Crash::Before as fn(usize) -> Crash, Crash::After] {
        for at in 1.. {
            let fixture = harness.fixture().await?;
            let (flaky, state) = (Arc::new(Flaky::new(fixture.sink()?, crash(at))), state()?);
            let info = flaky.info();
            let commit = if info.per_poll { CommitPolicy::default() } else { by_rows(9) };
            let sink: Arc<dyn Sink> = flaky.clone();
            let place = |error: thyme_core::Error| error.context("broken", format!("{:?}", crash(at)));
            once(&state, pipeline(&job, Box::new(table.clone()), sink, commit)?).await.map_err(place)?;
            let mut got = rows::ids(&fixture.dump(&dataset).await?)?;
            if !info.holds_cursor {
                // At least once: what a broken commit left may be there twice.
                got.sort_unstable();
                got.dedup();
            }
            check::once(&got, 0..ROWS).map_err(place)?;
            if flaky.commits() < at {
                check::that(at > 3 || info.per_poll, || format!("the whole table took {} commits", at - 1))?;
                break;
            }
        }
    }
    Ok(())
}
