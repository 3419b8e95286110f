//! One run at a time on the state of a pipeline.
use serde::{Deserialize, Serialize};
use thyme_core::state::{Locked, StateLock};
use thyme_core::{Error, Kind, Result, StateFiles};

/// Who holds a lock: what `cat <state>/<pipeline>/lock` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// When it took the lock.
    pub since: jiff::Timestamp,
}

/// Takes the lock on the state of a pipeline.
///
/// # Errors
/// `Conflict` naming who holds it.
pub(crate) async fn take(files: &dyn StateFiles, pipeline: &str) -> Result<Box<dyn StateLock>> {
    let name = format!("{pipeline}/lock");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let holder = Holder { pid: std::process::id(), host, since: jiff::Timestamp::now() };
    let line = serde_json::to_string(&holder).map_err(|e| Error::new(Kind::Unexpected, "a holder has no JSON form").source(e))?;
    match files.lock(&name, &line).await? {
        Locked::Taken(lock) => Ok(lock),
        Locked::Held(holder) => Err(held(holder.as_deref(), pipeline).context("lock", files.place(&name))),
    }
}

fn held(holder: Option<&str>, pipeline: &str) -> Error {
    let holder = holder.and_then(|text| serde_json::from_str::<Holder>(text.trim()).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {} on {} since {}", holder.pid, holder.host, holder.since.strftime("%Y-%m-%dT%H:%M:%SZ")),
    );
    Error::new(Kind::Conflict, format!("the pipeline `{pipeline}` is being run by {who}"))
}
