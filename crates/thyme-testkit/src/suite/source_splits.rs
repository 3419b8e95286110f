//! Cases of sources whose splits come and go.
use std::sync::Arc;
use std::time::Duration;

use thyme_core::{Cursor, Plan, Result, SplitId};

use super::source::{fixture, job, run};
use super::{Case, check};
use crate::drive::{Cut, Durable, How, within};
use crate::harness::{Change, SourceDeclares, SourceHarness};
use crate::rows::Row;

pub(super) fn cases(harness: &Arc<dyn SourceHarness>, declares: &SourceDeclares) -> Vec<Case> {
    let mut cases = Vec::new();
    if declares.resplits {
        let (one, two) = (Arc::clone(harness), Arc::clone(harness));
        cases.push(Case::new("source/splits_come_and_go", move || come_and_go(one)));
        cases.push(Case::new("source/children_open_when_their_parents_are_durable", move || children_wait(two)));
    }
    cases
}

/// Splits end and others begin, before the first run and while a process is down in mid-stream.
async fn come_and_go(harness: Arc<dyn SourceHarness>) -> Result<()> {
    for cut in [Cut::Before as fn(usize) -> Cut, Cut::After] {
        for at in 1.. {
            let fixture = fixture(&harness, &Row::range(0..24)).await?;
            fixture.change(Change::Resplit).await?;
            fixture.add(&Row::range(24..48)).await?;
            let mut durable = Durable::default();
            let how = How { every: 1, cut: Some(cut(at)), ..How::default() };
            let first = run(fixture.as_ref(), &mut durable, how).await?;
            fixture.change(Change::Resplit).await?;
            fixture.add(&Row::range(48..60)).await?;
            run(fixture.as_ref(), &mut durable, How::default()).await?;
            check::once(&durable.ids()?, 0..60).map_err(|e| e.context("cut at commit", at))?;
            check::order(&durable, &harness.declares()).map_err(|e| e.context("cut at commit", at))?;
            if !first.cut {
                break;
            }
        }
    }
    Ok(())
}

/// Whoever reads a child before its parent's rows are durable may see a key's rows out of order after a crash.
async fn children_wait(harness: Arc<dyn SourceHarness>) -> Result<()> {
    let fixture = fixture(&harness, &Row::range(0..24)).await?;
    fixture.change(Change::Resplit).await?;
    fixture.add(&Row::range(24..48)).await?;
    let (source, job) = (fixture.source()?, job(fixture.as_ref())?);
    let mut cursor = Cursor::start(source.info().identity);
    let mut plan = within("plan", source.plan(&job, &cursor)).await?;
    let mut generations = 0;
    loop {
        let given = given(plan.as_mut()).await?;
        if given.is_empty() {
            break;
        }
        generations += 1;
        for split in &given {
            let mut reader = within("Plan::reader", plan.reader(split, None)).await?;
            while let Some(batch) = within("Reader::next", reader.next()).await? {
                cursor.splits.insert(Arc::clone(split), batch.position);
            }
        }
        // All is read and nothing is durable.
        let early = self::given(plan.as_mut()).await?;
        check::that(early.is_empty(), || format!("{early:?} opened before the rows of {given:?} were durable"))?;
        cursor.seq += 1;
        plan.fold(&mut cursor);
        within("Plan::ack", plan.ack(&cursor, &given)).await?;
    }
    check::that(generations >= 2, || format!("the harness made {generations} generation of splits, two are needed"))
}

/// The splits that are ready now.
async fn given(plan: &mut dyn Plan) -> Result<Vec<SplitId>> {
    let mut given = Vec::new();
    while let Ok(split) = tokio::time::timeout(Duration::from_millis(100), plan.next()).await {
        let Some(split) = split? else { break };
        given.push(split);
    }
    Ok(given)
}
