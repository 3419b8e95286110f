//! The program, a server, and a folder with a pipeline file.
use std::fs;
use std::process::{Command, Stdio};

use thyme_core::Result;
use thyme_testkit::kill::{Program, binary};
use thyme_testkit::postgres::{Database, PASSWORD, Server, USER};

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
    pub(crate) fn start(&self, state: &str, crash: Option<&str>) -> Program {
        self.start_with(state, crash, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(&self, state: &str, crash: Option<&str>, more: &[&str]) -> Program {
        let mut command = Program::run(self.folder.path(), state).unwrap();
        command.args(more);
        if let Some(crash) = crash {
            command.env("THYME_CRASH", crash);
        }
        Program::start(&mut command, self.folder.path().join(format!("{state}.log"))).unwrap()
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
