//! Cases of sources whose rows or columns are special: ties, NULL cursors, moving bounds, drift, operations, types.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::array::{Array, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, Field};
use thyme_core::arrow::select::concat::concat_batches;
use thyme_core::{Dataset, Kind, Op, Result};

use super::source::{fixture, job, job_for, run};
use super::{Case, check};
use crate::drive::{self, Cut, Durable, How, breaks};
use crate::harness::{Change, NullTicks, SourceDeclares, SourceHarness};
use crate::rows::{self, Row};
use crate::types;

pub(super) fn cases(harness: &Arc<dyn SourceHarness>, declares: &SourceDeclares) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |applies: bool, name: &str, work: fn(Arc<dyn SourceHarness>) -> super::Work| {
        let harness = Arc::clone(harness);
        cases.extend(applies.then(|| Case::new(format!("source/{name}"), move || work(harness))));
    };
    case(declares.null_ticks.is_some(), "ties_are_all_read_once", |h| Box::pin(ties(h)));
    case(declares.null_ticks.is_some(), "null_cursors_follow_the_policy", |h| Box::pin(null_ticks(h)));
    case(declares.bounded, "the_bound_of_a_poll_does_not_move", |h| Box::pin(bound(h)));
    case(declares.drifts, "a_new_column_is_drift_when_asked", |h| Box::pin(drift_reported(h)));
    case(declares.drifts, "a_new_column_is_left_out_when_not_asked", |h| Box::pin(drift_left_out(h)));
    case(declares.retypes, "a_column_gone_is_drift_that_names_it", |h| Box::pin(drift_breaking(h, Change::DropColumn)));
    case(declares.retypes, "a_column_of_another_type_is_drift_that_names_it", |h| Box::pin(drift_breaking(h, Change::Retype)));
    case(declares.ops != [Op::Insert], "operations_come_as_they_happened", |h| Box::pin(operations(h)));
    case(declares.types.is_some(), "types_come_unchanged", |h| Box::pin(types_come_unchanged(h)));
    cases
}

/// Ten rows a tick, so that batches, ranges and polls end among rows that tie; then more rows at the last tick.
async fn ties(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let tied = |ids: std::ops::Range<i64>| ids.map(|id| Row::new(id).at(Some((id / 10).min(5)))).collect::<Vec<_>>();
    for at in 1.. {
        let fixture = fixture(&harness, &tied(0..60)).await?;
        let mut durable = Durable::default();
        let how = How { every: 1, cut: Some(Cut::After(at)), ..How::default() };
        let cut = run(fixture.as_ref(), &mut durable, how).await?.cut;
        run(fixture.as_ref(), &mut durable, How::default()).await?;
        check::once(&durable.ids()?, 0..60).map_err(|e| e.context("cut at commit", at))?;
        fixture.add(&tied(60..67)).await?;
        run(fixture.as_ref(), &mut durable, How::default()).await?;
        check::once(&durable.ids()?, 0..67).map_err(|e| e.context("cut at commit", at).context("later", "7 at the last tick"))?;
        if !cut {
            break;
        }
    }
    Ok(())
}

async fn null_ticks(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let rows = (0..30).map(|id| Row::new(id).at(Some(id).filter(|id| id % 7 != 3))).collect::<Vec<_>>();
    let fixture = fixture(&harness, &rows).await?;
    let mut durable = Durable::default();
    let ran = run(fixture.as_ref(), &mut durable, How::default()).await;
    match (harness.declares().null_ticks, ran) {
        (Some(NullTicks::Fail), Err(error)) => {
            check::that(matches!(error.kind(), Kind::Schema | Kind::Data | Kind::Config), || format!("refused with {error:?}"))?;
            check::that(error.to_string().contains("tick"), || format!("the column is not named: {error}"))?;
            check::once(&durable.ids()?, [])
        }
        (Some(NullTicks::Fail), Ok(_)) => Err(breaks("rows without a cursor were passed over in silence")),
        (_, Err(error)) => Err(error),
        (policy, Ok(_)) => {
            run(fixture.as_ref(), &mut durable, How::default()).await?;
            let include = policy == Some(NullTicks::Include);
            check::once(&durable.ids()?, (0..30).filter(|id| include || id % 7 != 3))
        }
    }
}

async fn bound(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let mut under_way = 0;
    for at in 1.. {
        let fixture = fixture(&harness, &Row::range(0..60)).await?;
        let mut durable = Durable::default();
        let how = How { every: 1, cut: Some(Cut::After(at)), ..How::default() };
        let cut = run(fixture.as_ref(), &mut durable, how).await?.cut;
        let place = |error: thyme_core::Error| error.context("cut at commit", at);
        let whole = durable.ids()?.len() == 60;
        fixture.add(&Row::range(60..80)).await?;
        run(fixture.as_ref(), &mut durable, How::default()).await?;
        if !whole {
            under_way += 1;
            let text = "rows that came after the poll began are not its own";
            check::once(&durable.ids()?, 0..60).map_err(place).map_err(|e| e.context("hint", text))?;
            run(fixture.as_ref(), &mut durable, How::default()).await?;
        }
        check::once(&durable.ids()?, 0..80).map_err(place)?;
        if !cut {
            break;
        }
    }
    check::that(under_way >= 3, || format!("only {under_way} polls were cut short"))
}

fn extra() -> Arc<Field> {
    Arc::new(Field::new("extra", DataType::Int64, true))
}

async fn drift_reported(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..20)).await?;
    let mut durable = Durable::default();
    let mut job = job(fixture.as_ref())?;
    job.report_drift = true;
    drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await?;
    fixture.change(Change::AddColumn(extra())).await?;
    fixture.add(&Row::range(20..40)).await?;
    let drift = match drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await {
        Ok(_) => return Err(breaks("a new column was passed over in silence")),
        Err(error) => error.as_drift().cloned().ok_or(error)?,
    };
    let named = drift.added.iter().any(|field| field.name() == "extra" && field.is_nullable());
    check::that(named && drift.removed.is_empty() && drift.changed.is_empty(), || format!("expected `extra`: {drift}"))?;
    job.dataset = Arc::new(job.dataset.with_added(&drift.added)?);
    drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await?;
    check::once(&durable.ids()?, 0..40)?;
    for landed in &durable.landed {
        let Some(extra) = landed.rows.column_by_name("extra") else { continue };
        let extra = extra.as_primitive_opt::<Int64Type>().ok_or_else(|| breaks("`extra` is not an int64"))?;
        for (row, id) in rows::ids(&landed.rows)?.into_iter().enumerate() {
            let value = extra.is_valid(row).then(|| extra.value(row));
            check::that(value == Some(id).filter(|id| *id >= 20), || format!("row {id} has extra = {value:?}"))?;
        }
    }
    Ok(())
}

async fn drift_left_out(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..20)).await?;
    let (mut durable, job) = (Durable::default(), job(fixture.as_ref())?);
    fixture.change(Change::AddColumn(extra())).await?;
    fixture.add(&Row::range(20..40)).await?;
    drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await?;
    check::once(&durable.ids()?, 0..40)
}

async fn drift_breaking(harness: Arc<dyn SourceHarness>, change: Change) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..20)).await?;
    let (mut durable, job) = (Durable::default(), job(fixture.as_ref())?);
    drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await?;
    fixture.change(change).await?;
    fixture.add(&Row::range(20..40)).await?;
    match drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await {
        Ok(_) => Err(breaks("a column that is gone or of another type was passed over in silence")),
        Err(error) => {
            let drift = error.as_drift().cloned().ok_or(error)?;
            let named = drift.removed.iter().any(|name| name == "text") || drift.changed.iter().any(|(name, ..)| name == "text");
            check::that(named, || format!("expected `text`: {drift}"))
        }
    }
}

async fn operations(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..10)).await?;
    let ops = harness.declares().ops;
    let mut want = BTreeMap::from([((Op::Insert.name(), None), 0usize)]);
    want.extend((0..10).map(|id| ((Op::Insert.name(), Some(id)), 1)));
    want.remove(&(Op::Insert.name(), None));
    for op in ops.iter().copied().filter(|op| *op != Op::Insert) {
        fixture.change(Change::Emit(op, Row::new(4))).await?;
        want.insert((op.name(), Some(4).filter(|_| op != Op::Truncate)), 1);
    }
    let mut durable = Durable::default();
    run(fixture.as_ref(), &mut durable, How::default()).await?;
    let mut got = BTreeMap::new();
    for landed in &durable.landed {
        let ids = landed.rows.column_by_name("id").and_then(|ids| ids.as_primitive_opt::<Int64Type>());
        let ids = ids.ok_or_else(|| breaks("a batch without `id`"))?;
        for row in 0..landed.rows.num_rows() {
            *got.entry((landed.ops.at(row).name(), ids.is_valid(row).then(|| ids.value(row)))).or_default() += 1;
        }
    }
    check::that(got == want, || format!("expected {want:?}, got {got:?}"))
}

async fn types_come_unchanged(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let rows = types::without(&types::table()?, harness.declares().types.unwrap_or_default())?;
    let fixture = harness.fixture().await?;
    fixture.change(Change::Types(rows.clone())).await?;
    let dataset = Dataset::new("types", rows.schema())?;
    let job = job_for(fixture.as_ref(), dataset);
    let mut durable = Durable::default();
    drive::run(fixture.source()?.as_ref(), &job, &mut durable, How::default()).await?;
    let parts = durable.landed.iter().map(|landed| &landed.rows).collect::<Vec<&RecordBatch>>();
    let got = concat_batches(job.dataset.columns(), parts).map_err(|e| breaks(e.to_string()))?;
    types::same(&rows, &got)
}
