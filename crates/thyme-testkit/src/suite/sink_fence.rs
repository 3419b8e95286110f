//! Cases of sinks that hold the cursor: the cursor stands with the rows, and one writer a task.
use std::sync::Arc;

use thyme_core::{Cursor, Kind, Position, Result, SinkInfo};

use super::sink::{At, cursor, holds, ids, job};
use super::{Case, check};
use crate::drive::{breaks, within};
use crate::harness::SinkHarness;
use crate::rows::Row;

pub(super) fn cases(harness: &Arc<dyn SinkHarness>, info: Option<&SinkInfo>) -> Vec<Case> {
    if info.is_some_and(|info| !info.holds_cursor) {
        return Vec::new();
    }
    let case = |name: &str, work: fn(Arc<dyn SinkHarness>) -> super::Work| {
        let harness = Arc::clone(harness);
        Case::new(format!("sink/{name}"), move || work(harness))
    };
    let mut cases = vec![
        case("the_cursor_comes_back", |h| Box::pin(cursor_comes_back(h))),
        case("cursors_are_read_without_fencing", |h| Box::pin(read_without_fencing(h))),
        case("a_second_open_fences_the_first", |h| Box::pin(second_open_fences(h))),
        case("a_replayed_commit_changes_nothing", |h| Box::pin(replayed_commit(h))),
        case("a_large_cursor_is_kept", |h| Box::pin(large_cursor(h))),
    ];
    if info.is_none_or(|info| !info.per_poll) {
        cases.push(case("resumes_from_every_commit", |h| Box::pin(resumes(h))));
        cases.push(case("tasks_are_apart", |h| Box::pin(tasks_are_apart(h))));
    }
    cases
}

fn same(got: Option<&Cursor>, want: &Cursor) -> Result<()> {
    check::that(got == Some(want), || format!("expected the cursor {want:?}, found {got:?}"))
}

async fn cursor_comes_back(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    check::that(at.found.is_none(), || format!("an empty target has a cursor: {:?}", at.found))?;
    for seq in 1..=3 {
        let put = at.put(&Row::range(seq * 5..seq * 5 + 5)).await?;
        at = At::open(fixture.as_ref(), &job("0")?).await?;
        same(at.found.as_ref(), &put)?;
    }
    let put = at.commit().await?;
    same(At::open(fixture.as_ref(), &job("0")?).await?.found.as_ref(), &put)
}

async fn read_without_fencing(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    let mut put = at.put(&Row::range(0..5)).await?;
    for _ in 0..2 {
        let found = within("Sink::cursors", fixture.sink()?.cursors("suite")).await?;
        check::that(found.len() == 1, || format!("expected one task, found {:?}", found.keys()))?;
        same(found.get("0"), &put)?;
        let other = within("Sink::cursors", fixture.sink()?.cursors("another")).await?;
        check::that(other.is_empty(), || format!("another pipeline has cursors here: {other:?}"))?;
        put = at.commit().await?;
    }
    Ok(())
}

async fn second_open_fences(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut first = At::open(fixture.as_ref(), &job("0")?).await?;
    first.put(&Row::range(0..5)).await?;
    let seen = ids(fixture.as_ref()).await?;
    let per_poll = fixture.sink()?.info().per_poll;
    // The older writer has rows staged when it loses the task, and learns of it at the latest when it commits.
    first.stage(&Row::range(100..105)).await?;
    let mut second = At::open(fixture.as_ref(), &job("0")?).await?;
    let fenced = match first.stage(&Row::range(105..110)).await {
        Ok(_) => first.commit().await.map(|_| ()),
        Err(error) => Err(error),
    };
    match fenced {
        Err(error) if error.kind() == Kind::Conflict => {}
        Err(error) => return Err(breaks(format!("expected conflict, got {error:?}"))),
        Ok(()) => return Err(breaks("the older writer committed after the task was opened again")),
    }
    let now = ids(fixture.as_ref()).await?;
    check::that(now == seen, || format!("a fenced writer changed {seen:?} to {now:?}"))?;
    drop(first);
    second.put(&Row::range(5..9)).await?;
    holds(&harness, fixture.as_ref(), if per_poll { 5..9 } else { 0..9 }).await
}

/// A commit whose answer was lost, tried again by somebody who did not look.
async fn replayed_commit(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let put = At::open(fixture.as_ref(), &job("0")?).await?.put(&Row::range(0..5)).await?;
    let mut again = At::open(fixture.as_ref(), &job("0")?).await?;
    again.stage(&Row::range(0..5)).await?;
    match within("Writer::commit", again.writer.commit(&cursor(1))).await {
        Ok(()) => {}
        Err(error) if error.kind() == Kind::Conflict => {}
        Err(error) => return Err(breaks(format!("expected conflict or nothing, got {error:?}"))),
    }
    drop(again);
    let found = At::open(fixture.as_ref(), &job("0")?).await?.found;
    same(found.as_ref(), &put)?;
    holds(&harness, fixture.as_ref(), 0..5).await
}

async fn large_cursor(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let mut large = cursor(1);
    large.splits.extend((0..9_000).map(|n| (format!("{n:040}").into(), Position::of(&n))));
    let bytes = large.to_json()?.len();
    check::that(bytes > Cursor::MAX_BYTES * 3 / 4, || format!("{bytes} bytes are not large"))?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    at.stage(&Row::range(0..5)).await?;
    within("Writer::commit", at.writer.commit(&large)).await?;
    let found = At::open(fixture.as_ref(), &job("0")?).await?.found;
    check::that(found.as_ref() == Some(&large), || format!("a cursor of {bytes} bytes came back otherwise"))
}

/// A process dies before and after each of its commits; the next goes on from the cursor that `open` returns.
async fn resumes(harness: Arc<dyn SinkHarness>) -> Result<()> {
    const COMMITS: u64 = 6;
    for die in 1..=COMMITS {
        for after in [false, true] {
            let fixture = harness.fixture().await?;
            let (mut died, mut lives) = (false, 0);
            'lives: loop {
                lives += 1;
                let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
                let done = at.found.as_ref().map_or(0, |cursor| cursor.seq);
                for seq in done + 1..=COMMITS {
                    let begin = i64::try_from(seq).unwrap_or_default() * 10 - 10;
                    at.stage(&Row::range(begin..begin + 10)).await?;
                    if seq == die && !died && !after {
                        died = true;
                        continue 'lives;
                    }
                    at.commit().await?;
                    if seq == die && !died {
                        died = true;
                        continue 'lives;
                    }
                }
                break;
            }
            check::that(lives == 2, || format!("{lives} lives"))?;
            let place = |e: thyme_core::Error| e.context(if after { "died after commit" } else { "died before commit" }, die);
            holds(&harness, fixture.as_ref(), 0..60).await.map_err(place)?;
        }
    }
    Ok(())
}

/// Where splits are shared each is a task: two tasks of one pipeline write side by side and fence nobody but themselves.
async fn tasks_are_apart(harness: Arc<dyn SinkHarness>) -> Result<()> {
    let fixture = harness.fixture().await?;
    let names = ["p0", "p1/ü"];
    let mut one = At::open(fixture.as_ref(), &job(names[0])?).await?;
    let mut two = At::open(fixture.as_ref(), &job(names[1])?).await?;
    one.put(&Row::range(0..5)).await?;
    two.put(&Row::range(5..10)).await?;
    let first = one.put(&Row::range(10..15)).await?;
    drop(two);
    let mut two = At::open(fixture.as_ref(), &job(names[1])?).await?;
    let second = two.put(&Row::range(15..20)).await?;
    let third = one.put(&Row::range(20..25)).await?;
    check::that(first != third, || "two commits of one cursor".into())?;
    check::once(&ids(fixture.as_ref()).await?, 0..25)?;
    let found = within("Sink::cursors", fixture.sink()?.cursors("suite")).await?;
    check::that(found.len() == 2, || format!("expected two tasks, found {:?}", found.keys()))?;
    same(found.get(names[0]), &third)?;
    same(found.get(names[1]), &second)
}
