//! A deliberate breakage must be noticed: by the case that is there for it, and by none that has nothing to do with it.
use std::process::Stdio;

use thyme_core::{Error, Kind, Result};
use tokio::process::Command;

use super::check;
use crate::drive::breaks;

/// The environment variable that switches a breakage on.
pub(super) const SWITCH: &str = "THYME_BREAK";

/// Runs the cases that match `filter` once more with `switch` on. The first of `cases` has to fail, the others may.
pub(super) async fn noticed(switch: &'static str, cases: &'static [&'static str], filter: Option<String>) -> Result<()> {
    let failed = |e| Error::new(Kind::Unexpected, "the suite can't run itself").source(e);
    let mut again = Command::new(std::env::current_exe().map_err(failed)?);
    again.env(SWITCH, switch).args(["--color", "never"]).args(filter).stdin(Stdio::null()).kill_on_drop(true);
    let output = again.output().await.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let results = text.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    let results = results.map(|(name, result)| (name.trim(), result.trim())).collect::<Vec<_>>();
    let passed = results.iter().filter(|(_, result)| *result == "ok").count();
    let failed = results.iter().filter(|(_, result)| *result == "FAILED").map(|(name, _)| *name).collect::<Vec<_>>();
    let others = failed.iter().filter(|name| !cases.iter().any(|case| name.ends_with(case))).collect::<Vec<_>>();
    check::that(passed > 0, || format!("nothing passed: {text}"))?;
    check::that(others.is_empty(), || format!("`{switch}` also breaks {others:?}"))?;
    let case = cases.first().ok_or_else(|| breaks("a breakage without a case that notices it"))?;
    let named = failed.iter().any(|name| name.ends_with(case));
    check::that(named, || format!("with `{switch}` switched on `{case}` still passes"))
}
