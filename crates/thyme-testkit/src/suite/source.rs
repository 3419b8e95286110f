//! Cases of every source: all of it, once, in order, from wherever it was cut short.
use std::sync::Arc;
use std::time::Duration;

use thyme_core::{Advice, Cursor, Job, Kind, Plan, Position, Reader, Result, Source, SourceInfo, SplitId, Task, async_trait};

use super::{Case, check};
use crate::drive::{self, Cut, Durable, How, breaks};
use crate::harness::{Golden, SourceDeclares, SourceFixture, SourceHarness};
use crate::rows::Row;

pub(super) fn cases(harness: &Arc<dyn SourceHarness>, declares: &SourceDeclares) -> Vec<Case> {
    let case = |name: &str, work: fn(Arc<dyn SourceHarness>) -> super::Work| {
        let harness = Arc::clone(harness);
        Case::new(format!("source/{name}"), move || work(harness))
    };
    let mut cases = vec![
        case("check_and_discover", |h| Box::pin(check_and_discover(h))),
        case("covers_every_row_once", |h| Box::pin(covers_every_row_once(h))),
        case("an_empty_source_ends", |h| Box::pin(an_empty_source_ends(h))),
        case("resumes_before_every_commit", |h| Box::pin(resumes(h, Cut::Before))),
        case("resumes_after_every_commit", |h| Box::pin(resumes(h, Cut::After))),
        case("gets_on_without_a_single_ack", |h| Box::pin(gets_on_without_a_single_ack(h))),
        case("finds_rows_added_later", |h| Box::pin(finds_rows_added_later(h))),
        case("a_reader_dropped_during_next_loses_nothing", |h| Box::pin(dropped_during_next(h))),
        case("plan_next_is_cancel_safe", |h| Box::pin(plan_next_is_cancel_safe(h))),
        case("a_position_that_does_not_parse_is_cursor_lost", |h| Box::pin(foreign_position(h))),
    ];
    if declares.projects {
        cases.push(case("reads_only_what_is_asked_for", |h| Box::pin(projects(h))));
    }
    cases
}

/// A fixture with these rows.
pub(super) async fn fixture(harness: &Arc<dyn SourceHarness>, rows: &[Row]) -> Result<Box<dyn SourceFixture>> {
    let fixture = harness.fixture().await?;
    if !rows.is_empty() {
        fixture.add(rows).await?;
    }
    Ok(fixture)
}

/// The job of a run that ends where the source ends now.
pub(super) fn job(fixture: &dyn SourceFixture) -> Result<Job> {
    Ok(job_for(fixture, fixture.dataset()?))
}

/// The same for other columns.
pub(super) fn job_for(fixture: &dyn SourceFixture, dataset: thyme_core::Dataset) -> Job {
    let mut job = Job::new(Task::alone("suite"), Arc::new(dataset));
    job.once = true;
    fixture.job(job)
}

/// One run in a new process.
pub(super) async fn run(fixture: &dyn SourceFixture, durable: &mut Durable, how: How) -> Result<drive::Ended> {
    drive::run(fixture.source()?.as_ref(), &job(fixture)?, durable, how).await
}

async fn check_and_discover(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
    let (source, asked) = (fixture.source()?, fixture.dataset()?);
    source.check().await?;
    check::that(source.info() == fixture.source()?.info(), || "two sources of one table say different things about it".into())?;
    let Some(found) = source.discover().await? else { return Ok(()) };
    for field in asked.schema().fields() {
        let there = found.field(field.name()).is_some_and(|found| found.data_type() == field.data_type());
        check::that(there, || format!("`{}` {} is read and not discovered so", field.name(), field.data_type()))?;
    }
    Ok(())
}

async fn covers_every_row_once(harness: Arc<dyn SourceHarness>) -> Result<()> {
    for readers in [1, 3] {
        let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
        let mut durable = Durable::default();
        run(fixture.as_ref(), &mut durable, How { readers, ..How::default() }).await?;
        check::once(&durable.ids()?, 0..harness.declares().rows)?;
        check::order(&durable, &harness.declares())?;
        let batches = durable.landed.iter().filter(|landed| landed.rows.num_rows() > 0).count();
        check::that(batches >= 4, || format!("all rows came in {batches} batches: too few to cut a run short"))?;
    }
    Ok(())
}

async fn an_empty_source_ends(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &[]).await?;
    let mut durable = Durable::default();
    for _ in 0..2 {
        run(fixture.as_ref(), &mut durable, How::default()).await?;
        check::once(&durable.ids()?, [])?;
    }
    fixture.add(&Row::range(0..5)).await?;
    run(fixture.as_ref(), &mut durable, How::default()).await?;
    check::once(&durable.ids()?, 0..5)
}

/// Cuts a run at its first commit, at its second, and so on; another process finishes it.
async fn resumes(harness: Arc<dyn SourceHarness>, cut: fn(usize) -> Cut) -> Result<()> {
    for at in 1.. {
        let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
        let mut durable = Durable::default();
        let how = How { every: 1, cut: Some(cut(at)), ..How::default() };
        let first = run(fixture.as_ref(), &mut durable, how).await?;
        let then = durable.ids()?.len();
        run(fixture.as_ref(), &mut durable, How::default()).await?;
        let place = |error: thyme_core::Error| error.context("cut at commit", at).context("rows by then", then);
        check::once(&durable.ids()?, 0..harness.declares().rows).map_err(place)?;
        check::order(&durable, &harness.declares()).map_err(place)?;
        if !first.cut {
            return check::that(at > 3, || format!("the whole source took {} commits: too few to show anything", at - 1));
        }
    }
    Ok(())
}

/// Whoever dies again and again before it can say so still gets on.
async fn gets_on_without_a_single_ack(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
    let mut durable = Durable::default();
    for _ in 0..1000 {
        let how = How { every: 1, cut: Some(Cut::After(1)), ..How::default() };
        if !run(fixture.as_ref(), &mut durable, how).await?.cut {
            check::once(&durable.ids()?, 0..harness.declares().rows)?;
            return check::order(&durable, &harness.declares());
        }
    }
    Err(breaks("a small source was not read by a thousand runs of one commit each"))
}

async fn finds_rows_added_later(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &[]).await?;
    let mut durable = Durable::default();
    for end in [1, 2, 30, 31, 60] {
        let begin = i64::try_from(durable.ids()?.len()).unwrap_or(i64::MAX);
        fixture.add(&Row::range(begin..end)).await?;
        for _ in 0..2 {
            run(fixture.as_ref(), &mut durable, How::default()).await?;
            check::once(&durable.ids()?, 0..end).map_err(|e| e.context("rows in the source", end))?;
        }
    }
    check::order(&durable, &harness.declares())
}

async fn dropped_during_next(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
    let mut durable = Durable::default();
    for turn in 0u64..12 {
        {
            let (source, job) = (fixture.source()?, job(fixture.as_ref())?);
            let info = source.info();
            let from = durable.cursor().cloned().unwrap_or_else(|| Cursor::start(&info.identity));
            let mut plan = source.plan(&job, &from).await?;
            let split = tokio::time::timeout(Duration::from_secs(5), plan.next()).await;
            if let Ok(Some(split)) = split.unwrap_or(Ok(None)) {
                let at = durable.cursors.values().find_map(|cursor| cursor.splits.get(&split)).cloned();
                let mut reader = plan.reader(&split, at.as_ref()).await?;
                // Dropped wherever it stands then; what it had read is not staged and must come again.
                let _ = tokio::time::timeout(Duration::from_micros(turn * 40), reader.next()).await;
            }
        }
        run(fixture.as_ref(), &mut durable, How { every: 1, cut: Some(Cut::After(1)), ..How::default() }).await?;
    }
    run(fixture.as_ref(), &mut durable, How::default()).await?;
    check::once(&durable.ids()?, 0..harness.declares().rows)?;
    check::order(&durable, &harness.declares())
}

async fn plan_next_is_cancel_safe(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
    let mut durable = Durable::default();
    let source = Impatient(fixture.source()?);
    drive::run(&source, &job(fixture.as_ref())?, &mut durable, How::default()).await?;
    check::once(&durable.ids()?, 0..harness.declares().rows)
}

/// A source whose plan is asked for the next split, interrupted, and asked again.
#[derive(Debug)]
struct Impatient(Box<dyn Source>);

struct ImpatientPlan(Box<dyn Plan>);

#[async_trait]
impl Source for Impatient {
    fn info(&self) -> SourceInfo {
        self.0.info()
    }
    async fn check(&self) -> Result<()> {
        self.0.check().await
    }
    async fn advise(&self, job: &Job) -> Result<Vec<Advice>> {
        self.0.advise(job).await
    }
    async fn discover(&self) -> Result<Option<thyme_core::Dataset>> {
        self.0.discover().await
    }
    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        Ok(Box::new(ImpatientPlan(self.0.plan(job, from).await?)))
    }
}

#[async_trait]
impl Plan for ImpatientPlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        for wait in [0, 0, 20, 200] {
            if let Ok(split) = tokio::time::timeout(Duration::from_micros(wait), self.0.next()).await {
                return split;
            }
        }
        self.0.next().await
    }
    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        self.0.reader(split, from).await
    }
    fn whole(&self) -> bool {
        self.0.whole()
    }
    fn resumes(&self) -> bool {
        self.0.resumes()
    }
    fn later(&self) -> Option<Duration> {
        self.0.later()
    }
    fn fold(&self, cursor: &mut Cursor) {
        self.0.fold(cursor);
    }
    async fn ack(&mut self, cursor: &Cursor, ended: &[SplitId]) -> Result<()> {
        self.0.ack(cursor, ended).await
    }
}

/// Never a silent restart.
async fn foreign_position(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
    let mut durable = Durable::default();
    run(fixture.as_ref(), &mut durable, How { every: 1, cut: Some(Cut::After(2)), ..How::default() }).await?;
    let foreign = Position::of(&["not", "a", "position", "of", "this", "source"]);
    let mut spoiled = 0;
    for cursor in durable.cursors.values_mut() {
        for place in cursor.base.iter_mut().chain(cursor.splits.values_mut()) {
            *place = foreign.clone();
            spoiled += 1;
        }
    }
    check::that(spoiled > 0, || "the cursor of a run under way holds no position".into())?;
    match run(fixture.as_ref(), &mut durable, How::default()).await {
        Err(error) if error.kind() == Kind::CursorLost => Ok(()),
        Err(error) => Err(breaks(format!("expected cursor_lost, got {error:?}"))),
        Ok(_) => Err(breaks("a position that does not parse was taken for one")),
    }
}

async fn projects(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..harness.declares().rows)).await?;
    let all = fixture.dataset()?;
    let id = all.field("id").ok_or_else(|| breaks("the harness's dataset has no `id`"))?;
    let schema = thyme_core::arrow::datatypes::Schema::new(vec![Arc::clone(id)]);
    let asked = thyme_core::Dataset::new(all.name(), Arc::new(schema))?;
    let mut job = job(fixture.as_ref())?;
    job.dataset = Arc::new(asked);
    let mut durable = Durable::default();
    drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await?;
    check::once(&durable.ids()?, 0..harness.declares().rows)
}

pub(super) async fn golden(harness: Arc<dyn SourceHarness>, golden: Golden) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..golden.rows)).await?;
    let cursor = Cursor::from_json(golden.cursor.as_bytes())?;
    let info = fixture.source()?.info();
    let tasks = match info.shared {
        true => cursor.splits.keys().cloned().collect(),
        false => vec!["0".into()],
    };
    let mut durable = Durable { cursors: tasks.into_iter().map(|task| (task, cursor.clone())).collect(), ..Durable::default() };
    run(fixture.as_ref(), &mut durable, How::default()).await?;
    check::once(&durable.ids()?, golden.rest)
}
