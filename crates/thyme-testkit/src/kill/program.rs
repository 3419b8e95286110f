//! A life of the real program.
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use thyme_core::Result;

use super::{PATIENCE, binary, failed};
use crate::drive::breaks;

/// A running program; killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// `thyme run pipeline.toml` in `folder`, with its state in `folder/STATE` and its log in `folder/STATE.log`.
    ///
    /// # Errors
    /// `NotFound` without a binary, as [`binary`] says.
    pub fn run(folder: &Path, state: &str) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.current_dir(folder).args(["run", "pipeline.toml", "--memory", "64MiB", "--state", state]);
        // What a test of another kind may have set.
        command.env_remove("THYME_CRASH");
        Ok(command)
    }

    /// Starts a command whose errors go to the file `log`.
    ///
    /// # Errors
    /// `Unavailable` when it does not start.
    pub fn start(command: &mut Command, log: impl Into<PathBuf>) -> Result<Self> {
        let log = log.into();
        let file = fs::File::create(&log).map_err(|e| failed("a log can't be written", e))?;
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
        Ok(Self { child: started.map_err(|e| failed("the program does not start", e))?, log })
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// `Unavailable` when the system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(|e| failed("the program is lost", e))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// `Unexpected` with its log when it hangs.
    pub async fn end(&mut self) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if begun.elapsed() > PATIENCE {
                return Err(breaks(format!("a run hangs: {}", self.log())));
            }
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
    }

    /// Waits for an end that is a success.
    ///
    /// # Errors
    /// `Unexpected` with its log when it hangs or fails.
    pub async fn succeed(&mut self) -> Result<()> {
        let status = self.end().await?;
        if status.success() { Ok(()) } else { Err(breaks(format!("the program ended with {status}: {}", self.log()))) }
    }

    /// Sends it a signal: `TERM`, `STOP`, `CONT`.
    ///
    /// # Errors
    /// `Unavailable` when it is not there any more.
    pub fn signal(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let status = Command::new("kill").arg("-s").arg(name).arg(self.child.id().to_string()).status();
        match status.map_err(|e| failed("a signal can't be sent", e))?.success() {
            true => Ok(()),
            false => Err(breaks(format!("the program takes no signal: {}", self.log()))),
        }
    }

    /// `kill -9`.
    pub fn kill(self) {}

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last lines that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
