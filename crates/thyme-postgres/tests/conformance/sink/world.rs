//! A schema of a test's own on the server, and what tests say to it.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{
    Batch, Cursor, Dataset, Job, Op, Opened, Ops, Position, Result, Secret, Sink, Staged, Task, Writer, field_type,
};
use thyme_postgres::{PostgresSink, PostgresSinkConfig};
use thyme_testkit::postgres::{PASSWORD, Server, USER};
use tokio_postgres::{Client, NoTls};

/// A schema of a test's own.
pub(crate) struct World {
    pub(crate) port: u16,
    pub(crate) schema: String,
}

impl World {
    /// A fresh schema on the shared server, with a hostile name.
    pub(crate) async fn new() -> Result<Self> {
        Self::on(Server::shared()?).await
    }

    /// A fresh schema on `server`.
    pub(crate) async fn on(server: &Server) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let schema = format!("s{} \"'; drop schema public cascade; --ü", NEXT.fetch_add(1, Ordering::Relaxed));
        let world = Self { port: server.port(), schema };
        world.run(&format!("create schema {}", sql_name(&world.schema))).await;
        Ok(world)
    }

    /// The public schema of the shared server, which nobody writes to.
    pub(crate) fn shared() -> Result<Self> {
        Ok(Self { port: Server::shared()?.port(), schema: "public".into() })
    }

    /// The same from another process.
    pub(crate) fn at(place: &str) -> Self {
        let (port, schema) = place.split_once('/').unwrap();
        Self { port: port.parse().unwrap(), schema: schema.into() }
    }

    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.port, self.schema)
    }

    /// What a sink of the table `t` is made from.
    pub(crate) fn config(&self, address: SocketAddr) -> PostgresSinkConfig {
        let builder = PostgresSink::builder().table("t").schema(self.schema.clone()).host(address.ip().to_string());
        builder.port(address.port()).user(USER).password(Secret::new(PASSWORD)).database("postgres").config()
    }

    /// A sink of the table `t`, with whatever `change` says.
    pub(crate) fn sink(&self, change: impl FnOnce(&mut PostgresSinkConfig)) -> PostgresSink {
        self.sink_by(self.address(), change)
    }

    /// The same by another way to the server.
    pub(crate) fn sink_by(&self, address: SocketAddr, change: impl FnOnce(&mut PostgresSinkConfig)) -> PostgresSink {
        let mut config = self.config(address);
        change(&mut config);
        PostgresSink::new(config)
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub(crate) async fn client(&self) -> Client {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user(USER).password(PASSWORD).dbname("postgres");
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("set search_path = {}, public", sql_name(&self.schema))).await.unwrap();
        client
    }

    /// Runs statements in the schema.
    pub(crate) async fn run(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {:?}", e.as_db_error()));
    }

    /// The rows of a query, each as its columns with a blank between; NULL is `-`.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let messages = self.client().await.simple_query(sql).await;
        let messages = messages.unwrap_or_else(|e| panic!("{sql}: {:?}", e.as_db_error()));
        let text = |message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap_or("-").to_owned()).collect::<Vec<_>>().join(" "))
            }
            _ => None,
        };
        messages.into_iter().filter_map(text).collect()
    }

    /// The first value of a query.
    pub(crate) async fn one(&self, sql: &str) -> String {
        self.rows(sql).await.swap_remove(0)
    }
}

/// A name as SQL.
pub(crate) fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A dataset from columns and types of a pipeline file.
pub(crate) fn dataset(fields: &[(&str, &str)], key: &[&str]) -> Dataset {
    let fields = fields.iter().map(|(name, of)| field_type::parse(name, of).unwrap()).collect::<Vec<_>>();
    Dataset::new("test", Arc::new(Schema::new(fields))).unwrap().with_key(key.iter().copied()).unwrap()
}

/// `id int64!` (the key), `n int64`, `text string`.
pub(crate) fn plain() -> Dataset {
    dataset(&[("id", "int64!"), ("n", "int64"), ("text", "string")], &["id"])
}

/// Rows of [`plain`].
pub(crate) fn rows(rows: &[(i64, Option<i64>, Option<&str>)]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.2).collect::<StringArray>()),
    ];
    RecordBatch::try_new(Arc::clone(plain().columns()), columns).unwrap()
}

/// The rows `ids` of [`plain`], with `n` in each.
pub(crate) fn numbered(ids: std::ops::Range<i64>, n: i64) -> RecordBatch {
    let text = ids.clone().map(|id| format!("row {id} of {n}")).collect::<Vec<_>>();
    let list = ids.zip(&text).map(|(id, text)| (id, Some(n), Some(text.as_str()))).collect::<Vec<_>>();
    rows(&list)
}

pub(crate) fn insert(rows: RecordBatch) -> Batch {
    Batch::insert(rows, Position::of(&0))
}

/// Rows with an operation each.
pub(crate) fn changes(rows: RecordBatch, ops: &[Op]) -> Batch {
    Batch { ops: Ops::Each(ops.into()), ..insert(rows) }
}

pub(crate) fn job(dataset: &Dataset) -> Job {
    Job::new(Task::alone("test"), Arc::new(dataset.clone()))
}

/// A task at work.
pub(crate) struct At {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) seq: u64,
}

impl At {
    pub(crate) async fn open(sink: &dyn Sink, dataset: &Dataset) -> Result<Self> {
        let Opened { writer, cursor } = sink.open(&job(dataset)).await?;
        Ok(Self { writer, seq: cursor.map_or(0, |cursor| cursor.seq) })
    }

    pub(crate) async fn stage(&mut self, batch: Batch) -> Result<Staged> {
        self.writer.stage(&batch).await
    }

    pub(crate) async fn commit(&mut self) -> Result<()> {
        self.seq += 1;
        self.writer.commit(&Cursor { seq: self.seq, ..Cursor::start("test") }).await
    }

    pub(crate) async fn put(&mut self, rows: RecordBatch) -> Result<()> {
        let staged = self.stage(insert(rows)).await?;
        assert_eq!(staged.rejects, []);
        self.commit().await
    }
}
