//! A MinIO of the benchmark's own, gone with its data when it is dropped and when we die in whatever way.
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Result, process, repo};

pub(super) const ACCESS_KEY: &str = "testkey";
pub(super) const SECRET: &str = "testsecret123";
pub(super) const REGION: &str = "us-east-1";
pub(super) const BUCKET: &str = "bench";

/// What the server is started with, beside its keys.
const SETTINGS: &[(&str, &str)] = &[
    ("MINIO_ROOT_USER", ACCESS_KEY),
    ("MINIO_ROOT_PASSWORD", SECRET),
    ("MINIO_REGION", REGION),
    ("MINIO_BROWSER", "off"),
    ("MINIO_UPDATE", "off"),
    ("MINIO_CALLHOME_ENABLE", "off"),
    ("MINIO_API_REQUESTS_MAX", "2000"),
    ("CI", "true"),
];

/// Waits for our end of the pipe to close, which it does however our process ends; then server and folder go.
const GUARDIAN: &str = r#"
folder=$1; shift
"$@" >>"$folder/log" 2>&1 &
server=$!
read -r last
kill -KILL "$server"
wait "$server"
rm -rf "$folder"
"#;

/// A running server.
pub(super) struct Server {
    guardian: Child,
    port: u16,
}

impl Server {
    /// Starts it below the folder of temporary files, and makes the bucket.
    pub(super) fn start(minio: &str, s5cmd: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("thyme-bench-s3-{}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = free.map_err(|e| format!("no free port on 127.0.0.1: {e}"))?.port();
        let mut shell = process::command("sh", Path::new("/"));
        shell.envs(SETTINGS.iter().copied()).args(["-c", GUARDIAN, "sh"]).arg(&folder).arg(minio);
        shell.args(["server", "--quiet", "--anonymous", "--address", &format!("127.0.0.1:{port}")]).arg(folder.join("data"));
        // What ends our process group (a terminal, `timeout`) must not end the guardian before its work is done.
        shell.process_group(0);
        let guardian = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Self { guardian: guardian.map_err(|e| format!("MinIO does not start: {e}"))?, port };
        server.make_bucket(s5cmd, &folder.join("log")).map(|()| server)
    }

    fn make_bucket(&self, s5cmd: &str, log: &Path) -> Result {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut make = self.s5cmd(s5cmd);
        make.args(["mb", &format!("s3://{BUCKET}")]).stdout(Stdio::null()).stderr(Stdio::null());
        while !make.status().is_ok_and(|status| status.success()) {
            if Instant::now() > deadline {
                return Err(format!("MinIO does not come up:\n{}", repo::read(log).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The client of the command line, with our keys, in one process.
    pub(super) fn s5cmd(&self, s5cmd: &str) -> Command {
        let mut command = process::command("env", Path::new("/"));
        command.args([&format!("AWS_ACCESS_KEY_ID={ACCESS_KEY}"), &format!("AWS_SECRET_ACCESS_KEY={SECRET}")]);
        command.args([&format!("AWS_REGION={REGION}"), s5cmd, "--endpoint-url", &self.url()]);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}
