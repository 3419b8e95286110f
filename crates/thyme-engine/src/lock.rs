//! One run at a time on the state of a pipeline.
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use thyme_core::{Error, Kind, Result};

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

/// The lock on the folder of a pipeline, held as long as this lives. A process that dies lets go of it.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the pipeline whose state is in `folder`, which is made.
    ///
    /// # Errors
    /// `Conflict` naming who holds it.
    pub(crate) fn take(folder: &Path, pipeline: &str) -> Result<Self> {
        let path = folder.join("lock");
        let broken = |e| unusable(&path, e);
        std::fs::create_dir_all(folder).map_err(broken)?;
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file, &path, pipeline)),
            Err(TryLockError::Error(e)) => return Err(broken(e)),
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let holder = Holder { pid: std::process::id(), host, since: jiff::Timestamp::now() };
        let line = serde_json::to_string(&holder).unwrap_or_default();
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "{line}")
        };
        write(&mut file).map_err(broken)?;
        Ok(Self { _file: file })
    }
}

fn held(file: &mut File, path: &Path, pipeline: &str) -> Error {
    let mut text = String::new();
    let holder = file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str::<Holder>(text.trim()).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {} on {} since {}", holder.pid, holder.host, holder.since.strftime("%Y-%m-%dT%H:%M:%SZ")),
    );
    Error::new(Kind::Conflict, format!("the pipeline `{pipeline}` is being run by {who}")).context("lock", path.display())
}

/// The state folder can't be read or written.
pub(crate) fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Unavailable, "the state cannot be read or written").context("file", path.display()).source(error)
}
