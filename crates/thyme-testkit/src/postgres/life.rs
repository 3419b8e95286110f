//! One life of a server: from a start to the stop or the kill.
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use thyme_core::{Error, Kind, Result};

use super::Stop;
use super::install::Install;
use crate::program::{broke, output};

/// No server takes that long to come or go; recovery after a kill included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the server and waits for our end of the pipe to close, which it does however our process ends. Then the server has
/// to go, and its folder with it when nobody is left who could start it again.
const GUARDIAN: &str = r#"
"$1" -D "$2/data" -p "$3" >>"$2/log" 2>&1 &
server=$!
read -r last
# Until it looks after its signals itself it ignores this one, as all that a shell starts aside.
(signal=QUIT; n=0; while kill -$signal "$server" 2>/dev/null; do sleep 0.2; n=$((n+1)); [ $n -lt 100 ] || signal=KILL; done) &
wait "$server"
kill $! 2>/dev/null
if [ "$last" != keep ]; then rm -rf "$2"; fi
"#;

/// A running server and the shell that watches over it.
#[derive(Debug)]
pub(super) struct Life {
    guardian: Child,
    pid: u32,
    folder: PathBuf,
}

impl Life {
    /// Starts it and waits until it takes connections.
    pub(super) fn begin(install: &Install, folder: &Path, port: u16) -> Result<Self> {
        let pid_file = folder.join("data/postmaster.pid");
        let deadline = Instant::now() + PATIENCE;
        loop {
            // One that was killed left its file behind, which a new one would be taken by.
            let _ = fs::remove_file(&pid_file);
            let before = log(folder)?.len();
            let mut life = Self::spawn(install, folder, port)?;
            match life.ready(&pid_file, before, deadline) {
                Ok(true) => return Ok(life),
                Ok(false) => {}
                Err(error) => {
                    let _ = life.leave();
                    return Err(error);
                }
            }
            // The processes of the one that was killed are still going.
            life.leave()?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn spawn(install: &Install, folder: &Path, port: u16) -> Result<Self> {
        let mut shell = install.by_user("sh");
        shell.args(["-c", GUARDIAN, "sh"]).arg(install.bin.join("postgres")).arg(folder).arg(port.to_string());
        // What ends our process group (a terminal, `timeout`) must not end the guardian before its work is done.
        shell.process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guardian = shell.spawn().map_err(|e| broke("the server does not start", folder, e))?;
        Ok(Self { guardian, pid: 0, folder: folder.to_path_buf() })
    }

    /// True when it is up; false when another start is worth a try. `before` it the log had that many bytes.
    fn ready(&mut self, pid_file: &Path, before: usize, deadline: Instant) -> Result<bool> {
        while Instant::now() < deadline {
            let text = fs::read_to_string(pid_file).unwrap_or_default();
            let mut lines = text.lines();
            let pid = lines.next().and_then(|line| line.trim().parse().ok());
            if let (Some(pid), Some("ready")) = (pid, lines.nth(6).map(str::trim)) {
                self.pid = pid;
                return Ok(true);
            }
            let log = log(&self.folder)?;
            let new = log.get(before..).unwrap_or_default();
            if new.contains("pre-existing shared memory block") {
                return Ok(false);
            }
            if new.lines().any(fatal) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let log = log(&self.folder)?;
        let last = log.lines().rev().take(5).collect::<Vec<_>>();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
        Err(Error::new(Kind::Unavailable, format!("PostgreSQL does not come up:\n{last}")))
    }

    /// Takes it down and waits until it is gone.
    pub(super) fn end(mut self, how: Stop) -> Result<()> {
        let signal = if how == Stop::Kill { "-KILL" } else { "-INT" };
        output(Command::new("kill").arg(signal).arg(self.pid.to_string()))?;
        let deadline = Instant::now() + PATIENCE;
        while how == Stop::Fast && self.folder.join("data/postmaster.pid").exists() {
            if Instant::now() > deadline {
                return Err(Error::new(Kind::Unexpected, "PostgreSQL does not go down").context("pid", self.pid));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.leave()
    }

    /// Lets the guardian go; the folder stays.
    fn leave(&mut self) -> Result<()> {
        use std::io::Write as _;
        if let Some(mut pipe) = self.guardian.stdin.take() {
            let _ = pipe.write_all(b"keep\n");
        }
        self.guardian.wait().map(|_| ()).map_err(|e| broke("the server's guardian is lost", &self.folder, e))
    }
}

/// Whether a server that says so does not come up. It also refuses those who come too early, and the sessions of one that was
/// killed say in the same log that they go.
fn fatal(line: &str) -> bool {
    let passing = ["the database system is", "unexpected postmaster exit"];
    line.contains("FATAL:") && !passing.iter().any(|text| line.contains(text))
}

/// What the server in this folder logged.
pub(super) fn log(folder: &Path) -> Result<String> {
    let path = folder.join("log");
    match fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(broke("the log can't be read", &path, e)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Deaf to the signal at first, as a server is before it has set up its own handlers.
    const SERVER: &str = "#!/usr/bin/perl\nopen(F, '>', \"$ARGV[1]/../up\"); close F; select(undef, undef, undef, 0.7);\n\
        $SIG{QUIT} = sub { exit 0 }; sleep 60;\n";

    #[test]
    fn one_that_has_just_begun_to_start_goes_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, data) = (folder.path().join("bin"), folder.path().join("data"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&data).unwrap();
        fs::write(bin.join("postgres"), SERVER).unwrap();
        fs::set_permissions(bin.join("postgres"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut life = Life::spawn(&Install { bin, user: None }, folder.path(), 1).unwrap();
        let begun = Instant::now();
        while !folder.path().join("up").exists() {
            assert!(begun.elapsed() < PATIENCE, "it does not start: {:?}", log(folder.path()));
            std::thread::sleep(Duration::from_millis(5));
        }
        life.leave().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20), "the signal was lost: {:?}", begun.elapsed());
    }
}
