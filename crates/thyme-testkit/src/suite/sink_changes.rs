//! Cases of sinks that do more than add rows: operations, refusals, replacing, wider datasets, types.
use std::sync::Arc;

use thyme_core::arrow::array::{Int64Array, RecordBatch, new_null_array};
use thyme_core::arrow::datatypes::{DataType, Field};
use thyme_core::{Batch, Dataset, Job, Kind, Op, Ops, Position, Result, SinkInfo, Task};

use super::sink::{At, cursor, dataset, holds, ids, job, sorted};
use super::{Case, check};
use crate::drive::{breaks, within};
use crate::harness::SinkHarness;
use crate::rows::{self, Row};
use crate::types;

pub(super) fn cases(harness: &Arc<dyn SinkHarness>, info: Option<&SinkInfo>) -> Vec<Case> {
    let declares = harness.declares();
    let can = |op: Op| info.is_none_or(|info| info.ops.contains(&op));
    let per_poll = info.is_some_and(|info| info.per_poll);
    let mut cases = Vec::new();
    let mut case = |applies: bool, name: &str, work: fn(Arc<dyn SinkHarness>) -> super::Work| {
        let harness = Arc::clone(harness);
        cases.extend(applies.then(|| Case::new(format!("sink/{name}"), move || work(harness))));
    };
    case(can(Op::Update) && !per_poll, "updates_are_applied", |h| Box::pin(updates(h)));
    case(can(Op::Delete) && !per_poll, "deletes_are_applied", |h| Box::pin(deletes(h)));
    case(can(Op::Truncate) && !per_poll, "truncates_are_applied", |h| Box::pin(truncates(h)));
    case(!Op::ALL.iter().all(|op| can(*op)), "what_it_cannot_do_is_refused", |h| Box::pin(refuses_other_ops(h)));
    case(declares.refuses.is_some(), "a_refused_row_leaves_the_others", |h| Box::pin(refused_row(h)));
    case(per_poll, "a_poll_replaces_the_one_before", |h| Box::pin(replaces(h)));
    case(declares.widens && !per_poll, "a_wider_dataset_is_taken", |h| Box::pin(widens(h)));
    case(declares.types.is_some(), "types_are_kept", |h| Box::pin(types_are_kept(h)));
    cases
}

/// A batch with one operation.
fn batch(op: Op, rows: RecordBatch) -> Batch {
    Batch { ops: Ops::All(op), ..Batch::insert(rows, Position::of(&0)) }
}

/// A row that knows its key alone.
fn key(id: i64) -> Result<RecordBatch> {
    let columns = dataset()?;
    let fields = columns.columns().fields();
    let column = |field: &Arc<Field>| -> Arc<dyn thyme_core::arrow::array::Array> {
        match field.name().as_str() {
            "id" => Arc::new(Int64Array::from(vec![id])),
            _ => new_null_array(field.data_type(), 1),
        }
    };
    RecordBatch::try_new(Arc::clone(columns.columns()), fields.iter().map(column).collect()).map_err(|e| breaks(e.to_string()))
}

async fn updates(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    at.put(&Row::range(0..5)).await?;
    let changed = |id: i64, text: &str| Row { text: text.into(), ..Row::new(id) };
    // The last state of a key counts, also within a commit; an update of a key that is not there brings it.
    let rows = [changed(2, "first"), changed(3, "other"), changed(2, "last"), changed(7, "new")];
    within("Writer::stage", at.writer.stage(&batch(Op::Update, rows::batch(&rows)?))).await?;
    at.commit().await?;
    let mut want = Row::range(0..5);
    want.extend([changed(7, "new")]);
    want[2] = changed(2, "last");
    want[3] = changed(3, "other");
    let got = fixture.dump(&*dataset()?).await?;
    check::that(sorted(&got)? == sorted(&rows::batch(&want)?)?, || format!("expected {want:?}, got {got:?}"))
}

async fn deletes(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    at.put(&Row::range(0..5)).await?;
    at.stage(&Row::range(5..7)).await?;
    for id in [1, 5, 99] {
        within("Writer::stage", at.writer.stage(&batch(Op::Delete, key(id)?))).await?;
    }
    at.stage(&Row::range(1..2)).await?;
    within("Writer::stage", at.writer.stage(&batch(Op::Delete, key(3)?))).await?;
    at.commit().await?;
    check::once(&ids(fixture.as_ref()).await?, [0, 1, 2, 4, 6])
}

async fn truncates(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    at.put(&Row::range(0..5)).await?;
    at.stage(&Row::range(5..7)).await?;
    let columns = dataset()?;
    let nulls = columns.columns().fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
    let nulls = RecordBatch::try_new(Arc::clone(columns.columns()), nulls).map_err(|e| breaks(e.to_string()))?;
    within("Writer::stage", at.writer.stage(&batch(Op::Truncate, nulls))).await?;
    at.stage(&Row::range(7..9)).await?;
    at.commit().await?;
    check::once(&ids(fixture.as_ref()).await?, 7..9)
}

/// Never written as something else.
async fn refuses_other_ops(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let info = fixture.sink()?.info();
    At::open(fixture.as_ref(), &job("0")?).await?.put(&Row::range(0..5)).await?;
    for op in Op::ALL.iter().copied().filter(|op| !info.ops.contains(op)) {
        let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
        match within("Writer::stage", at.writer.stage(&batch(op, key(2)?))).await {
            Err(error) if matches!(error.kind(), Kind::Unsupported | Kind::Data) => {}
            Err(error) => return Err(breaks(format!("expected unsupported, got {error:?}"))),
            Ok(_) => return Err(breaks(format!("the sink does not declare {} and took one", op.name()))),
        }
        drop(at);
        holds(&harness, fixture.as_ref(), 0..5).await?;
    }
    Ok(())
}

async fn refused_row(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let poison = harness.declares().refuses.unwrap_or_default();
    let mut rows = Row::range(0..10);
    rows[4].text = poison.into();
    rows[7].text = poison.into();
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    let staged = at.stage(&rows).await?;
    let refused = staged.rejects.iter().filter_map(|reject| reject.row).collect::<Vec<_>>();
    check::that(refused == [4, 7], || format!("expected rows 4 and 7 to be refused, got {:?}", staged.rejects))?;
    check::that(staged.rejects.iter().all(|reject| !reject.reason.is_empty()), || "a refusal without a reason".into())?;
    at.commit().await?;
    check::once(&ids(fixture.as_ref()).await?, [0, 1, 2, 3, 5, 6, 8, 9])
}

async fn replaces(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    at.put(&Row::range(0..30)).await?;
    at.stage(&Row::range(30..33)).await?;
    holds(&harness, fixture.as_ref(), 0..30).await?;
    at.commit().await?;
    holds(&harness, fixture.as_ref(), 30..33).await?;
    At::open(fixture.as_ref(), &job("0")?).await?;
    holds(&harness, fixture.as_ref(), 30..33).await
}

async fn widens(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    At::open(fixture.as_ref(), &job("0")?).await?.put(&Row::range(0..5)).await?;
    let wider = dataset()?.with_added(&[Arc::new(Field::new("extra", DataType::Int64, true))])?;
    let rows = rows::batch(&Row::range(5..9))?;
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int64Array::from(vec![Some(5), None, Some(7), Some(8)])));
    let rows = RecordBatch::try_new(Arc::clone(wider.columns()), columns).map_err(|e| breaks(e.to_string()))?;
    let mut job = job("0")?;
    job.dataset = Arc::new(wider.clone());
    let opened = within("Sink::open", fixture.sink()?.open(&job)).await?;
    let mut writer = opened.writer;
    within("Writer::stage", writer.stage(&batch(Op::Insert, rows))).await?;
    within("Writer::commit", writer.commit(&cursor(2))).await?;
    holds(&harness, fixture.as_ref(), 0..9).await?;
    let dump = fixture.dump(&wider).await?;
    let extra = dump.column_by_name("extra").ok_or_else(|| breaks("the new column is not there"))?;
    let set = dump.num_rows() - extra.null_count();
    check::that(set == 3, || format!("expected 3 values in the new column, found {set}: {extra:?}"))
}

async fn types_are_kept(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let rows = types::without(&types::table()?, harness.declares().types.unwrap_or_default())?;
    let dataset = Arc::new(Dataset::new("types", rows.schema())?);
    let fixture = harness.fixture().await?;
    let opened = within("Sink::open", fixture.sink()?.open(&Job::new(Task::alone("suite"), Arc::clone(&dataset)))).await?;
    let mut writer = opened.writer;
    within("Writer::stage", writer.stage(&batch(Op::Insert, rows.clone()))).await?;
    within("Writer::commit", writer.commit(&cursor(1))).await?;
    types::same(&rows, &fixture.dump(&dataset).await?)
}
