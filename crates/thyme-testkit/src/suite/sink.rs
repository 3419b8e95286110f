//! Cases of every sink: nothing before its commit, everything after it, once.
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::{Array, RecordBatch};
use thyme_core::{Batch, Cursor, Dataset, Job, Position, Result, SinkInfo, Staged, Task, Writer};

use super::{Case, check};
use crate::drive::{breaks, within};
use crate::harness::{SinkFixture, SinkHarness};
use crate::rows::{self, Row};

pub(super) fn cases(harness: &Arc<dyn SinkHarness>, _: Option<&SinkInfo>) -> Vec<Case> {
    let case = |name: &str, work: fn(Arc<dyn SinkHarness>) -> super::Work| {
        let harness = Arc::clone(harness);
        Case::new(format!("sink/{name}"), move || work(harness))
    };
    let mut cases = vec![
        case("a_check_changes_nothing", |h| Box::pin(a_check_changes_nothing(h))),
        case("rows_are_there_after_their_commit", |h| Box::pin(rows_are_there(h))),
        case("values_come_back", |h| Box::pin(values_come_back(h))),
        case("a_commit_without_rows_shows_nothing", |h| Box::pin(commit_without_rows(h))),
        case("a_large_commit_is_whole", |h| Box::pin(a_large_commit_is_whole(h))),
    ];
    if !harness.declares().early {
        cases.push(case("a_crash_between_stage_and_commit_shows_nothing", |h| Box::pin(crash_before_commit(h))));
    }
    cases
}

/// A task at work on a fixture.
pub(super) struct At {
    pub(super) writer: Box<dyn Writer>,
    pub(super) found: Option<Cursor>,
    seq: u64,
}

impl At {
    pub(super) async fn open(fixture: &dyn SinkFixture, job: &Job) -> Result<Self> {
        let opened = within("Sink::open", fixture.sink()?.open(job)).await?;
        let seq = opened.cursor.as_ref().map_or(0, |cursor| cursor.seq);
        Ok(Self { writer: opened.writer, found: opened.cursor, seq })
    }

    /// The same, where the sink holds no cursor and the caller knows where it stands.
    pub(super) fn at(self, seq: u64) -> Self {
        Self { seq, ..self }
    }

    pub(super) async fn stage(&mut self, rows: &[Row]) -> Result<Staged> {
        let batch = Batch::insert(rows::batch(rows)?, Position::of(&self.seq));
        within("Writer::stage", self.writer.stage(&batch)).await
    }

    /// Commits what is staged under the next cursor.
    pub(super) async fn commit(&mut self) -> Result<Cursor> {
        self.seq += 1;
        let cursor = cursor(self.seq);
        within("Writer::commit", self.writer.commit(&cursor)).await?;
        Ok(cursor)
    }

    pub(super) async fn put(&mut self, rows: &[Row]) -> Result<Cursor> {
        self.stage(rows).await?;
        self.commit().await
    }
}

/// The cursor of a commit.
pub(super) fn cursor(seq: u64) -> Cursor {
    let splits = [("a".into(), Position::of(&seq)), ("b/ü \"1\"".into(), Position::of(&["x", "y"]))];
    Cursor { seq, base: Some(Position::of(&seq)), splits: splits.into(), watermark: Some(7), ..Cursor::start("the suite") }
}

pub(super) fn dataset() -> Result<Arc<Dataset>> {
    Ok(Arc::new(rows::dataset("suite")?))
}

pub(super) fn job(task: &str) -> Result<Job> {
    Ok(Job::new(Task { pipeline: "suite".into(), task: task.into() }, dataset()?))
}

/// The ids that a reader of the target sees now.
pub(super) async fn ids(fixture: &dyn SinkFixture) -> Result<Vec<i64>> {
    rows::ids(&within("dump", fixture.dump(&*dataset()?)).await?)
}

/// The target holds these rows, in this order where the sink keeps it.
pub(super) async fn holds(harness: &Arc<dyn SinkHarness>, fixture: &dyn SinkFixture, want: std::ops::Range<i64>) -> Result<()> {
    let got = ids(fixture).await?;
    check::once(&got, want)?;
    check::that(!harness.declares().ordered || got.is_sorted(), || format!("the rows are out of order: {got:?}"))
}

async fn a_check_changes_nothing(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    within("Sink::check", fixture.sink()?.check()).await?;
    holds(&harness, fixture.as_ref(), 0..0).await?;
    At::open(fixture.as_ref(), &job("0")?).await?.put(&Row::range(0..3)).await?;
    within("Sink::check", fixture.sink()?.check()).await?;
    holds(&harness, fixture.as_ref(), 0..3).await
}

async fn rows_are_there(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let per_poll = fixture.sink()?.info().per_poll;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    for turn in 0..4 {
        let (begin, end) = (turn * 10, turn * 10 + 10);
        let seen = if per_poll { (begin - 10).max(0)..begin } else { 0..begin };
        at.stage(&Row::range(begin..begin + 4)).await?;
        at.stage(&Row::range(begin + 4..end)).await?;
        if !harness.declares().early {
            holds(&harness, fixture.as_ref(), seen).await.map_err(|e| e.context("before commit", turn + 1))?;
        }
        at.commit().await?;
        let seen = if per_poll { begin..end } else { 0..end };
        holds(&harness, fixture.as_ref(), seen).await.map_err(|e| e.context("after commit", turn + 1))?;
        if turn == 1 {
            // Another process goes on.
            at = At::open(fixture.as_ref(), &job("0")?).await?.at(2);
        }
    }
    Ok(())
}

async fn values_come_back(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let rows: Vec<Row> = ["", " ", "a,b", "\"", "line\nbreak", "ü🌿", "\\", "null", "0"]
        .iter()
        .zip(0..)
        .map(|(text, id)| Row { text: (*text).to_owned(), ..Row::new(id).at(Some(id).filter(|id| id % 2 == 0)) })
        .collect();
    At::open(fixture.as_ref(), &job("0")?).await?.put(&rows).await?;
    let got = fixture.dump(&*dataset()?).await?;
    let want = rows::batch(&rows)?;
    check::that(sorted(&got)? == sorted(&want)?, || format!("expected {want:?}, got {got:?}"))
}

/// The id, tick and text of a row.
type Told = (i64, Option<i64>, Option<String>);

/// Every row, by id.
pub(super) fn sorted(rows: &RecordBatch) -> Result<Vec<Told>> {
    use thyme_core::arrow::array::types::Int64Type;
    let (tick, text) = (rows.column_by_name("tick"), rows.column_by_name("text"));
    let tick = tick.and_then(|tick| tick.as_primitive_opt::<Int64Type>()).ok_or_else(|| breaks("no int64 column `tick`"))?;
    let text = text.and_then(|text| text.as_string_opt::<i32>()).ok_or_else(|| breaks("no text column `text`"))?;
    let row = |(row, id): (usize, i64)| {
        (id, tick.is_valid(row).then(|| tick.value(row)), text.is_valid(row).then(|| text.value(row).to_owned()))
    };
    let mut rows = rows::ids(rows)?.into_iter().enumerate().map(row).collect::<Vec<_>>();
    rows.sort_unstable();
    Ok(rows)
}

async fn crash_before_commit(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let per_poll = fixture.sink()?.info().per_poll;
    At::open(fixture.as_ref(), &job("0")?).await?.put(&Row::range(0..5)).await?;
    for _ in 0..3 {
        let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
        at.stage(&Row::range(100..120)).await?;
        drop(at);
        holds(&harness, fixture.as_ref(), 0..5).await.map_err(|e| e.context("when", "after the crash"))?;
        At::open(fixture.as_ref(), &job("0")?).await?;
        holds(&harness, fixture.as_ref(), 0..5).await.map_err(|e| e.context("when", "after it was opened again"))?;
    }
    At::open(fixture.as_ref(), &job("0")?).await?.at(1).put(&Row::range(5..9)).await?;
    holds(&harness, fixture.as_ref(), if per_poll { 5..9 } else { 0..9 }).await
}

async fn commit_without_rows(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    at.commit().await?;
    holds(&harness, fixture.as_ref(), 0..0).await?;
    at.put(&Row::range(0..5)).await?;
    if !fixture.sink()?.info().per_poll {
        at.commit().await?;
    }
    holds(&harness, fixture.as_ref(), 0..5).await
}

async fn a_large_commit_is_whole(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    for begin in (0..30_000).step_by(5_000) {
        // `full` only asks for a commit; whoever has none to give may go on.
        at.stage(&Row::range(begin..begin + 5_000)).await?;
    }
    if !harness.declares().early {
        holds(&harness, fixture.as_ref(), 0..0).await?;
    }
    at.commit().await?;
    holds(&harness, fixture.as_ref(), 0..30_000).await
}
