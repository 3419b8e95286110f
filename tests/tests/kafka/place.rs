//! A table that is written to all the while, a topic, and a folder with a pipeline file.
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use thyme_core::Result;
use thyme_testkit::kafka::{Kafka, Listener};
use thyme_testkit::kill::Program;
use thyme_testkit::postgres::{Database, PASSWORD, Server, USER};

/// What the sessions of pgbench do: one of twenty commits late, and others that stamped after it have long committed.
const SCRIPT: &str = r"
\set user random(1, 40)
\set cents random(1, 1000000)
\set late random(1, 20)
begin;
insert into transactions (user_id, amount) values ('user ' || :user, :cents / 100.0);
\if :late = 1
\sleep 250 ms
\endif
commit;
";

/// The table of the example.
const TABLE: &str = "create table transactions (
  id      bigint generated always as identity primary key,
  user_id text not null,
  amount  double precision not null,
  ts      timestamptz not null default now()
);
create index on transactions (ts, id);";

/// A database with a table `transactions`, the shared broker, and a folder.
pub(crate) struct Place {
    pub(crate) database: Database<'static>,
    pub(crate) kafka: &'static Kafka,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) topic: String,
}

impl Place {
    /// `pipeline` makes the pipeline file, given the name of a topic that is not there yet.
    pub(crate) async fn new(pipeline: impl FnOnce(&str) -> String) -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (kafka, database) = (Kafka::shared()?, Server::shared()?.database().await?);
        database.run(TABLE).await?;
        let topic = format!("transactions-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pipeline.toml"), pipeline(&topic)).unwrap();
        Ok(Self { database, kafka, folder, topic })
    }

    /// Tells a program where the server and the broker are, as its users do.
    pub(crate) fn reach<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let server = self.database.server;
        command.env("THYME_POSTGRES_HOST", "127.0.0.1").env("THYME_POSTGRES_PORT", server.port().to_string());
        command.env("THYME_POSTGRES_DATABASE", &self.database.name).env("THYME_POSTGRES_USER", USER);
        command.env("THYME_POSTGRES_PASSWORD", PASSWORD).env("THYME_KAFKA_BROKERS", self.kafka.brokers(Listener::Plain))
    }

    /// Starts the program with a state folder.
    pub(crate) fn start(&self, state: &str, args: &[&str], crash: Option<&str>) -> Result<Program> {
        let mut command = Program::run(self.folder.path(), state)?;
        command.args(args);
        if let Some(crash) = crash {
            command.env("THYME_CRASH", crash);
        }
        Program::start(self.reach(&mut command), self.log(state))
    }

    pub(crate) fn log(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// Takes everything there is, and ends.
    pub(crate) async fn finish(&self, state: &str) -> Result<()> {
        self.start(state, &["--once"], None)?.succeed().await
    }

    /// Four sessions that write `rate` rows a second until they are dropped.
    pub(crate) fn writers(&self, rate: u32) -> Writers {
        let script = self.folder.path().join("write.sql");
        fs::write(&script, SCRIPT).unwrap();
        Writers::start(self, &script, rate)
    }

    /// Records in the topic so far, markers of transactions among them; 0 without a topic.
    pub(crate) async fn grown(&self) -> i64 {
        let offsets = self.kafka.offsets(&self.topic).await.unwrap_or_default();
        offsets.iter().map(|offsets| offsets.high).sum()
    }

    /// Waits until the topic has grown beyond `before`.
    pub(crate) async fn wait_beyond(&self, before: i64, life: &mut Program) -> Result<()> {
        let begun = Instant::now();
        while self.grown().await <= before {
            assert!(life.ended()?.is_none(), "the program ended: {}", life.log());
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is published: {}", life.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Sessions of pgbench; ended when they are dropped.
pub(crate) struct Writers(Child);

impl Writers {
    fn start(place: &Place, script: &Path, rate: u32) -> Self {
        let server = place.database.server;
        let mut pgbench = Command::new(server.program("pgbench"));
        pgbench.env("PGPASSWORD", PASSWORD).args(["-h", "127.0.0.1", "-U", USER, "-p"]).arg(server.port().to_string());
        pgbench.args(["--no-vacuum", "--client=4", "--time=3600"]).arg(format!("--rate={rate}")).arg("-f").arg(script);
        pgbench.arg(&place.database.name).stdin(Stdio::null()).stdout(Stdio::null());
        let log = fs::File::create(place.log("pgbench")).unwrap();
        Self(pgbench.stderr(log).spawn().expect("there is no pgbench"))
    }

    /// They must have been there to the end.
    pub(crate) fn stop(mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "pgbench ended by itself");
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Numbers that look random, the same ones with the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// From 0 to 1.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}
