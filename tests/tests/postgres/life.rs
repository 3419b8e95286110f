//! The program, a server, and a folder with a pipeline file.
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::kill::binary;
use thyme_testkit::postgres::{Database, PASSWORD, Server, USER};

/// No run takes that long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A database with a table `source`, and a folder for the rest.
pub(crate) struct Place {
    pub(crate) database: Database<'static>,
    pub(crate) folder: tempfile::TempDir,
}

/// Rows of ten mixed columns; those of one `tick` are many.
pub(crate) fn source(rows: i64) -> String {
    format!(
        "create table source (id bigint primary key, tick timestamptz not null, name text, score double precision, amount numeric(12,2),
           quantity int, active boolean, tag uuid, raw bytea, meta jsonb);
         insert into source select id, timestamptz '2024-01-01 00:00:00Z' + (id / 100) * interval '1 ms', 'näme ' || id, id / 7.0,
           id % 1000000 / 100.0, case when id % 100 = 99 then null else id % 1000 end, id % 2 = 0,
           md5(id::text)::uuid, decode(md5(id::text), 'hex'), jsonb_build_object('n', id)
         from generate_series(0, {rows} - 1) as id"
    )
}

impl Place {
    pub(crate) async fn new(pipeline: impl FnOnce(&str) -> String) -> Result<Self> {
        let server = Server::shared()?;
        let database = server.database().await?;
        let connection = format!(
            "host = \"127.0.0.1\"\nport = {}\ndatabase = \"{}\"\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\n",
            server.port(),
            database.name
        );
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pipeline.toml"), pipeline(&connection)).unwrap();
        Ok(Self { database, folder })
    }

    /// Starts the program with a state folder.
    pub(crate) fn start(&self, state: &str, crash: Option<&str>) -> Running {
        self.start_with(state, crash, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(&self, state: &str, crash: Option<&str>, more: &[&str]) -> Running {
        let log = self.folder.path().join(format!("{state}.log"));
        let mut command = Command::new(binary().unwrap());
        command.current_dir(self.folder.path()).args(["run", "pipeline.toml", "--memory", "64MiB", "--state", state]).args(more);
        command.env_remove("THYME_CRASH").stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        if let Some(crash) = crash {
            command.env("THYME_CRASH", crash);
        }
        Running { child: command.spawn().unwrap(), log }
    }

    /// What a command about the pipeline file says on stdout, and how it ends.
    pub(crate) fn answer(&self, command: &str) -> (Option<i32>, String) {
        let mut program = Command::new(binary().unwrap());
        let ran = program.current_dir(self.folder.path()).args([command, "pipeline.toml"]).stdin(Stdio::null()).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
    }

    /// Takes state and output of an older run away.
    pub(crate) async fn fresh(&self, sql: &str) -> Result<()> {
        for name in ["state", "out"] {
            let _ = fs::remove_dir_all(self.folder.path().join(name));
        }
        self.database.run(sql).await
    }
}

/// A running program; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "a run hangs: {}", self.log());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// The last lines that it logged.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines = log.lines().rev().take(20).collect::<Vec<_>>();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
