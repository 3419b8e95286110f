//! One life of a server: from a start to the kill.
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use thyme_core::{Error, Kind, Result};

use super::{ACCESS_KEY, PATIENCE, Program, REGION, SECRET, broke};

/// Starts the server and waits for our end of the pipe to close, which it does however our process ends. Then the server has
/// to go, and its folder with it when nobody is left who could start it again.
const GUARDIAN: &str = r#"
folder=$1; shift
"$@" >>"$folder/log" 2>&1 &
server=$!
read -r last
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
if [ "$last" != keep ]; then rm -rf "$folder"; fi
"#;

/// A running server and the shell that watches over it.
#[derive(Debug)]
pub(super) struct Life {
    guardian: Child,
}

impl Life {
    /// Starts it and waits until it answers.
    pub(super) fn begin(program: Program, binary: &Path, folder: &Path, port: u16) -> Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARDIAN, "sh"]).arg(folder).arg(binary);
        let health = arguments(&mut shell, program, folder, port);
        // What ends our process group (a terminal, `timeout`) must not end the guardian before its work is done.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guardian = shell.spawn().map_err(|e| broke("the server does not start", folder, e))?;
        let life = Self { guardian };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if answers(port, health).is_some() {
                return Ok(life);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        life.end();
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(5).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
        Err(Error::new(Kind::Unavailable, format!("{} does not come up:\n{last}", program.name())))
    }

    /// Kills it and waits until it is gone; its folder stays.
    pub(super) fn end(mut self) {
        if let Some(mut pipe) = self.guardian.stdin.take() {
            let _ = pipe.write_all(b"keep\n");
        }
        let _ = self.guardian.wait();
    }
}

/// How the program is called, and what it answers when it is up.
fn arguments(shell: &mut Command, program: Program, folder: &Path, port: u16) -> &'static str {
    let data = folder.join("data");
    match program {
        Program::Minio => {
            shell.env("MINIO_ROOT_USER", ACCESS_KEY).env("MINIO_ROOT_PASSWORD", SECRET).env("MINIO_REGION", REGION);
            shell.env("MINIO_SITE_REGION", REGION).env("MINIO_BROWSER", "off").env("MINIO_UPDATE", "off").env("CI", "true");
            shell.env("MINIO_API_REQUESTS_MAX", "2000").env("MINIO_CALLHOME_ENABLE", "off").env("GOMAXPROCS", "2");
            shell.args(["server", "--quiet", "--anonymous", "--address"]).arg(format!("127.0.0.1:{port}")).arg(data);
            "/minio/health/ready"
        }
        Program::Versitygw => {
            shell.env("ROOT_ACCESS_KEY", ACCESS_KEY).env("ROOT_SECRET_KEY", SECRET);
            shell.args(["--region", REGION, "--keep-alive", "--quiet", "--health", "/health", "--port"]);
            shell.arg(format!("127.0.0.1:{port}")).args(["posix", "--versioning-dir"]).arg(folder.join("versions")).arg(data);
            "/health"
        }
        Program::FakeGcs => {
            let here = format!("127.0.0.1:{port}");
            shell.args(["-scheme", "http", "-host", "127.0.0.1", "-backend", "filesystem", "-log-level", "error", "-port"]);
            shell.arg(port.to_string()).arg("-filesystem-root").arg(data).args(["-public-host", &here]);
            shell.args(["-external-url", &format!("http://{here}")]);
            "/_internal/healthcheck"
        }
    }
}

/// Whether it answers `GET path` well.
fn answers(port: u16, path: &str) -> Option<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).ok()?;
    (answer.get(9..12) == Some(b"200")).then_some(())
}
