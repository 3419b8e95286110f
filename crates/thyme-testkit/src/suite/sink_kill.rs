//! Rows and cursor agree after `kill -9`: another process writes, and dies where it is told to.
use std::process::Stdio;
use std::sync::Arc;

use thyme_core::{Error, Kind, Result, env};
use tokio::process::Command;

use super::sink::{At, holds, ids, job};
use super::{Case, check};
use crate::drive::breaks;
use crate::harness::{SinkFixture, SinkHarness};
use crate::rows::Row;

/// Tells this test binary to write as the other process: the suite, a line end, the place of the fixture.
const WRITER: &str = "THYME_TESTKIT_WRITER";

const COMMITS: u64 = 4;

/// Rows of a commit: enough for several files, chunks or requests.
const ROWS: i64 = 3_000;

/// Points are passed more often than anybody wants to wait for.
const DEATHS: usize = 6;

pub(super) fn cases(suite: &str, harness: &Arc<dyn SinkHarness>, per_poll: bool) -> Vec<Case> {
    let cases = harness.points().iter().filter(|_| !per_poll).map(|point| {
        let (suite, harness) = (suite.to_owned(), Arc::clone(harness));
        Case::new(format!("sink/rows_and_cursor_agree_after_kill/{point}"), move || killed(suite, harness, point))
    });
    cases.collect()
}

/// If this process is such a writer: which suite is meant, and where it writes.
pub(super) fn asked() -> Result<Option<(String, String)>> {
    let asked = env::var(WRITER)?;
    Ok(asked.and_then(|asked| asked.split_once('\n').map(|(suite, place)| (suite.to_owned(), place.to_owned()))))
}

/// The life of a writer: from where the target stands to the last commit.
pub(super) async fn write(harness: &Arc<dyn SinkHarness>, place: &str) -> Result<()> {
    let fixture = harness.again(place)?;
    let mut at = At::open(fixture.as_ref(), &job("0")?).await?;
    let done = at.found.as_ref().map_or(0, |cursor| cursor.seq);
    for seq in done..COMMITS {
        let begin = i64::try_from(seq).unwrap_or_default() * ROWS;
        at.stage(&Row::range(begin..begin + ROWS / 2)).await?;
        at.stage(&Row::range(begin + ROWS / 2..begin + ROWS)).await?;
        at.commit().await?;
    }
    Ok(())
}

async fn killed(suite: String, harness: Arc<dyn SinkHarness>, point: &'static str) -> Result<()> {
    let all = i64::try_from(COMMITS).unwrap_or_default() * ROWS;
    for nth in 1..=DEATHS {
        let fixture = harness.fixture().await?;
        let place = |e: Error| e.context("died at", format!("{point}:{nth}"));
        if !life(&suite, fixture.as_ref(), Some(format!("{point}:{nth}"))).await.map_err(place)? {
            return check::that(nth > 1, || format!("`{point}` is never passed"));
        }
        let seen = ids(fixture.as_ref()).await.map_err(place)?;
        check::once(&seen, seen.clone()).map_err(place).map_err(|e| e.context("when", "right after the death"))?;
        life(&suite, fixture.as_ref(), None).await.map_err(place)?;
        holds(&harness, fixture.as_ref(), 0..all).await.map_err(place)?;
        let still = ids(fixture.as_ref()).await?.into_iter().collect::<std::collections::BTreeSet<_>>();
        check::that(seen.iter().all(|id| still.contains(id)), || "rows that were visible are gone".into()).map_err(place)?;
    }
    Ok(())
}

/// Another process writes; true when it died.
async fn life(suite: &str, fixture: &dyn SinkFixture, crash: Option<String>) -> Result<bool> {
    let failed = |e| Error::new(Kind::Unexpected, "the suite can't run itself").source(e);
    let place = fixture.place().ok_or_else(|| breaks("a harness with points to die at has fixtures with a place"))?;
    let mut writer = Command::new(std::env::current_exe().map_err(failed)?);
    writer.env(WRITER, format!("{suite}\n{place}")).env_remove("THYME_CRASH").stdin(Stdio::null()).kill_on_drop(true);
    if let Some(crash) = &crash {
        writer.env("THYME_CRASH", crash);
    }
    let output = writer.output().await.map_err(failed)?;
    match output.status.code() {
        Some(0) => Ok(false),
        None if crash.is_some() => Ok(true),
        _ => Err(breaks(format!("the writer ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))),
    }
}
