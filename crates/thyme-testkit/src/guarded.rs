//! A server that goes when our process goes, in whatever way that ends, and its folder with it.
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use thyme_core::{Error, Kind, Result};

use crate::program::broke;

/// How a server goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// As it was asked to: what it has is written, its clients are told.
    Gently,
    /// `kill -9`.
    Kill,
}

/// Nobody takes that long to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the server, tells its pid, and waits for a line from us. Without one, our end of the pipe was closed by our end:
/// the server has to go, and everything it left.
const GUARDIAN: &str = r#"
root="$1"; log="$2"; shift 2
"$@" >>"$log" 2>&1 </dev/null &
server=$!
echo "$server"
read -r how
if [ "$how" = gently ]; then kill -TERM "$server"; else kill -KILL "$server"; fi
wait "$server"
if [ -z "$how" ]; then rm -rf "$root"; fi
"#;

/// A running server and the shell that watches over it.
#[derive(Debug)]
pub(crate) struct Guarded {
    guardian: Child,
    pid: u32,
    log: PathBuf,
    /// What the log held before this life.
    before: usize,
}

impl Guarded {
    /// Starts `command`, which logs to `log`; `root` goes with our process.
    pub(crate) fn begin(command: &Command, root: &Path, log: &Path) -> Result<Self> {
        let before = read(log)?.len();
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARDIAN, "sh"]).arg(root).arg(log).arg(command.get_program()).args(command.get_args());
        shell.current_dir(command.get_current_dir().unwrap_or(root));
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        // What ends our process group (a terminal, `timeout`) must not end the guardian before its work is done.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guardian = shell.spawn().map_err(|e| broke("a server does not start", root, e))?;
        let mut line = String::new();
        if let Some(out) = guardian.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(|e| broke("a server does not start", root, e))?;
        }
        let pid = line.trim().parse().map_err(|_| Error::new(Kind::Unavailable, "a server's guardian tells no pid"))?;
        Ok(Self { guardian, pid, log: log.to_path_buf(), before })
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it logged in this life.
    pub(crate) fn said(&self) -> Result<String> {
        let log = read(&self.log)?;
        Ok(log.get(self.before..).unwrap_or_default().to_owned())
    }

    /// An error with the end of the log when the server ended by itself.
    pub(crate) fn lives(&self) -> Result<()> {
        let state = Command::new("ps").args(["-o", "stat=", "-p"]).arg(self.pid.to_string()).output();
        let state = state.map_err(|e| broke("a server can't be looked at", &self.log, e))?;
        match state.stdout.first() {
            None | Some(b'Z') => Err(self.failed("a server ended by itself")),
            Some(_) => Ok(()),
        }
    }

    /// An error that shows the end of the log.
    pub(crate) fn failed(&self, what: &str) -> Error {
        let said = self.said().unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n");
        Error::new(Kind::Unavailable, format!("{what}:\n{last}")).context("log", self.log.display())
    }

    /// Takes it down and waits until it is gone. What it wrote stays.
    pub(crate) fn end(mut self, how: Stop) -> Result<()> {
        let word = if how == Stop::Gently { "gently\n" } else { "kill\n" };
        if let Some(mut pipe) = self.guardian.stdin.take() {
            let _ = pipe.write_all(word.as_bytes());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.guardian.try_wait().map_err(|e| broke("a server's guardian is lost", &self.log, e))?;
            if ended.is_some() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let _ = Command::new("kill").arg("-KILL").arg(self.pid.to_string()).status();
                return Err(self.failed("a server does not go down"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The text of a log; empty when there is none yet.
pub(crate) fn read(log: &Path) -> Result<String> {
    match std::fs::read(log) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(broke("the log can't be read", log, e)),
    }
}
