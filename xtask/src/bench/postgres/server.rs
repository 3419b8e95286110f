//! A PostgreSQL 15 of the benchmark's own, gone when it is dropped and when we die in whatever way.
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Result, process, repo};

/// What differs from a server as it is installed. Commits are durable; nothing starts by itself in the middle of a run.
pub(in crate::bench) const SETTINGS: &[(&str, &str)] = &[
    ("shared_buffers", "1GB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
    ("autovacuum", "off"),
    ("synchronize_seqscans", "off"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("client_min_messages", "warning"),
    // The statements of a run are taken from the log.
    ("log_statement", "all"),
    ("log_line_prefix", ""),
];

const DATABASE: &str = "bench";

/// Waits for our end of the pipe to close, which it does however our process ends; then server and folder go.
const GUARDIAN: &str = r#"
"$1" -D "$2/data" -p "$3" >>"$2/log" 2>&1 &
server=$!
read -r last
kill -QUIT "$server"
wait "$server"
rm -rf "$2"
"#;

/// A running server.
pub(in crate::bench) struct Server {
    guardian: Child,
    folder: PathBuf,
    bin: PathBuf,
    port: u16,
}

impl Server {
    /// Makes an empty cluster below the folder of temporary files, and starts it with these settings beside ours.
    pub(in crate::bench) fn start(bin: &Path, more: &[(&str, &str)]) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("thyme-bench-{}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let made = make(bin, &folder, more);
        let server = made.and_then(|()| begin(bin, &folder));
        if server.is_err() {
            let _ = std::fs::remove_dir_all(&folder);
        }
        server
    }

    /// A connection string of the superuser.
    pub(in crate::bench) fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// Where it listens, on 127.0.0.1.
    pub(in crate::bench) fn port(&self) -> u16 {
        self.port
    }

    /// The version, as `psql` says it.
    pub(in crate::bench) fn version(&self) -> Result<String> {
        self.value("SHOW server_version")
    }

    /// `psql` of the server's version, quiet and without anybody's settings.
    pub(in crate::bench) fn psql(&self) -> Command {
        let mut command = process::command(self.bin.join("psql"), Path::new("/"));
        command.args(["-X", "-v", "ON_ERROR_STOP=1"]).arg(self.url());
        command
    }

    /// Runs statements.
    pub(in crate::bench) fn run(&self, sql: &str) -> Result {
        process::output(self.psql().args(["-q", "-c", sql])).map(drop)
    }

    /// The one value of a query.
    pub(in crate::bench) fn value(&self, sql: &str) -> Result<String> {
        Ok(process::output(self.psql().args(["-q", "-A", "-t", "-c", sql]))?.trim().to_owned())
    }

    /// The `COPY … TO STDOUT` statements that were run since `run` began, which is run.
    pub(in crate::bench) fn copies(&self, run: impl FnOnce() -> Result) -> Result<Vec<String>> {
        let log = self.folder.join("log");
        let before = repo::read(&log)?.len();
        run()?;
        let log = repo::read(&log)?;
        let new = log.get(before..).unwrap_or_default().replace("\n\t", " ");
        let copies = new.lines().filter_map(|line| line.find("COPY (").and_then(|at| line.get(at..)));
        Ok(copies.map(str::to_owned).collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}

fn make(bin: &Path, folder: &Path, more: &[(&str, &str)]) -> Result {
    if root()? {
        process::run(process::command("chown", folder).arg("postgres").arg(folder))?;
    }
    let mut initdb = by_user(&bin.join("initdb"))?;
    initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]).arg(folder.join("data"));
    process::output(&mut initdb)?;
    let file = folder.join("data/postgresql.conf");
    let lines = SETTINGS.iter().chain(more).map(|(name, value)| format!("{name} = '{value}'\n")).collect::<String>();
    repo::write(&file, &(repo::read(&file)? + "\n" + &lines))
}

fn begin(bin: &Path, folder: &Path) -> Result<Server> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let port = free.map_err(|e| format!("no free port on 127.0.0.1: {e}"))?.port();
    let mut shell = by_user(Path::new("sh"))?;
    shell.args(["-c", GUARDIAN, "sh"]).arg(bin.join("postgres")).arg(folder).arg(port.to_string());
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let guardian = shell.spawn().map_err(|e| format!("PostgreSQL does not start: {e}"))?;
    let server = Server { guardian, folder: folder.to_path_buf(), bin: bin.to_path_buf(), port };
    let deadline = Instant::now() + Duration::from_secs(30);
    let ready = || repo::read(&folder.join("data/postmaster.pid")).is_ok_and(|text| text.contains("ready"));
    while !ready() {
        if Instant::now() > deadline {
            return Err(format!("PostgreSQL does not come up:\n{}", repo::read(&folder.join("log")).unwrap_or_default()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let create = format!("CREATE DATABASE {DATABASE}");
    let url = format!("postgresql://postgres@127.0.0.1:{port}/postgres");
    process::output(process::command(bin.join("psql"), folder).args(["-X", "-q", "-c", &create]).arg(url))?;
    Ok(server)
}

/// The server refuses to be root.
fn by_user(program: &Path) -> Result<Command> {
    let mut command = process::command(if root()? { Path::new("runuser") } else { program }, Path::new("/"));
    if root()? {
        command.args(["-u", "postgres", "--"]).arg(program);
    }
    Ok(command)
}

fn root() -> Result<bool> {
    Ok(process::output(process::command("id", Path::new("/")).arg("-u"))?.trim() == "0")
}
