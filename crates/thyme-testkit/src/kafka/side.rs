//! What the servers around a broker have in common: a folder, a port, a life.
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use thyme_core::Result;

use super::ports;
use crate::guarded::{Guarded, Stop};
use crate::program::broke;

/// None of them takes that long to come.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server beside a broker; gone when it is dropped, and when our process dies.
#[derive(Debug)]
pub(super) struct Side {
    folder: PathBuf,
    port: u16,
    life: Option<Guarded>,
}

impl Side {
    /// Starts the command that is made for a folder and a port, and waits until `answers` says that it is up.
    pub(super) fn start(
        name: &str,
        command: impl Fn(&std::path::Path, u16) -> Result<Command>,
        answers: impl Fn(&Guarded, u16) -> Result<bool>,
    ) -> Result<Self> {
        super::again(|| {
            let port = ports::free(1)?.first().copied().unwrap_or_default();
            let new = tempfile::Builder::new().prefix(&format!("thyme-{name}-")).tempdir();
            let folder = new.map_err(|e| broke("there is no room for a server", &std::env::temp_dir(), e))?.keep();
            let mut side = Self { folder, port, life: None };
            let life = Guarded::begin(&command(&side.folder, port)?, &side.folder, &side.folder.join("log"))?;
            let life = side.life.insert(life);
            let deadline = Instant::now() + PATIENCE;
            while !answers(life, port)? {
                life.lives()?;
                if Instant::now() > deadline {
                    return Err(life.failed(&format!("{name} does not come up")));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(side)
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.life.as_ref().map(Guarded::pid)
    }

    pub(super) fn log(&self) -> Result<String> {
        crate::guarded::read(&self.folder.join("log"))
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if let Some(life) = self.life.take() {
            let _ = life.end(Stop::Kill);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
