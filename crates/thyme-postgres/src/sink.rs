//! Tables, written exactly once: the rows and the task's cursor commit in one transaction, guarded by a fence.
mod action;
mod check;
mod cursors;
mod key;
mod load;
mod merge;
mod plan;
mod session;
mod target;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thyme_core::{Cursor, Error, Job, Kind, Opened, Result, Sink, SinkInfo, async_trait};

use crate::client::{Client, connect};
use crate::config::{Connection, Mode, PostgresSinkConfig, PostgresSinkConfigBuilder, postgres_sink_config_builder};
use crate::error::from_pg;
use crate::quote::{literal, qualified};

use action::{Action, ops};
use cursors::Cursors;
use load::Load;
use merge::{Deletes, Merge};
use target::{Target, Wanted};
use writer::{Commits, State, Table, TableWriter, Way};

/// A transaction that is older keeps the whole database from being vacuumed.
const COMMIT_WITHIN: Duration = Duration::from_secs(60);

/// A table, written exactly once.
///
/// ```
/// use thyme_postgres::PostgresSink;
///
/// let sink = PostgresSink::builder().table("orders").user("writer").database("shop").build();
/// ```
#[derive(Clone, Debug)]
pub struct PostgresSink {
    config: PostgresSinkConfig,
}

impl PostgresSink {
    /// A sink from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: PostgresSinkConfig) -> Self {
        Self { config }
    }

    /// Builds a configuration, then the sink.
    pub fn builder() -> PostgresSinkConfigBuilder {
        PostgresSinkConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching the server.
    ///
    /// # Errors
    /// `Config` for an empty table or `on_conflict`, options that contradict each other, a connection that is not described.
    pub fn validate(&self) -> Result<()> {
        let config = &self.config;
        if config.table.is_empty() {
            return Err(Error::new(Kind::Config, "`table` is empty"));
        }
        if config.table == cursors::NAME {
            return Err(Error::new(Kind::Config, "`thyme_cursors` is the table of the cursors themselves: choose another"));
        }
        if config.batch_size == 0 {
            return Err(Error::new(Kind::Config, "`batch_size` is at least 1"));
        }
        if config.delete && config.mode != Mode::Upsert {
            return Err(Error::new(Kind::Config, "`delete` needs `mode = \"upsert\"`: without keys nobody knows what to delete"));
        }
        Action::of(config)?;
        config.connection().map(drop)
    }

    /// Where the table is: the connection, with the schema.
    fn place(&self) -> Result<(Connection, Cursors)> {
        self.validate()?;
        let connection = self.config.connection()?;
        let cursors = Cursors::of(&connection.schema, &self.config.table);
        Ok((connection, cursors))
    }

    /// How rows get into the table, with what the session needs for it.
    async fn table(&self, client: &Client, job: &Job, target: Target) -> Result<Table> {
        let action = Action::of(&self.config)?;
        let key = key(job, &self.config, &action)?;
        let schema = job.dataset.columns();
        let way = if action.merges() {
            Way::Merge(Merge::new(client, &target, &key, &action, schema).await?)
        } else {
            Way::Straight(Load::into(client, &target.sql, &target.columns, schema).await?)
        };
        let deletes = if self.config.delete { Some(Deletes::new(client, &target, &key, schema).await?) } else { None };
        let replaces = self.config.mode == Mode::Overwrite;
        Ok(Table { target, action, ops: ops(&self.config), key, way, deletes, replaces, most: self.config.batch_size })
    }
}

impl<S: postgres_sink_config_builder::IsComplete> PostgresSinkConfigBuilder<S> {
    /// The sink; nothing is reached.
    pub fn build(self) -> PostgresSink {
        PostgresSink::new(self.config())
    }
}

/// The numbers of the key columns.
fn key(job: &Job, config: &PostgresSinkConfig, action: &Action) -> Result<Vec<usize>> {
    let names = job.dataset.key();
    if names.is_empty() && (config.mode == Mode::Upsert || *action == Action::Update) {
        return Err(Error::new(Kind::Schema, "rows are written by key, and the dataset has none: set `dataset.key`"));
    }
    let at = |name: &String| job.dataset.columns().index_of(name);
    names.iter().map(at).collect::<Result<_, _>>().map_err(|e| Error::new(Kind::Schema, "a key field is no column").source(e))
}

#[async_trait]
impl Sink for PostgresSink {
    fn info(&self) -> SinkInfo {
        let action = Action::of(&self.config).unwrap_or(Action::Insert);
        let place = self.config.connection().map_or_else(
            |_| "postgres".into(),
            |connection| format!("{} {}", connection.identity(), qualified(&connection.schema, &self.config.table)),
        );
        SinkInfo {
            identity: place,
            holds_cursor: true,
            ops: ops(&self.config),
            before: false,
            partial: action == Action::Update,
            per_poll: self.config.mode == Mode::Overwrite,
            commit_after: Duration::ZERO,
            commit_within: COMMIT_WITHIN,
        }
    }

    async fn check(&self) -> Result<()> {
        let (connection, cursors) = self.place()?;
        let client = connect(&connection).await?;
        check::check(&client, &self.config, &connection.schema, &cursors).await
    }

    async fn open(&self, job: &Job) -> Result<Opened> {
        let (connection, cursors) = self.place()?;
        let client = connect(&connection).await?;
        session::prepare(&client).await?;
        let wanted = Wanted {
            config: &self.config,
            schema: &connection.schema,
            dataset: &job.dataset,
            keyed: !key(job, &self.config, &Action::of(&self.config)?)?.is_empty() && self.config.mode == Mode::Upsert,
        };
        // One at a time in a schema: tables are not made twice, and who looks for rows of others does not miss them.
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '{}s'; \
             SELECT pg_advisory_xact_lock(hashtextextended({}, 0))",
            session::LOCK_TIMEOUT.as_secs(),
            literal(&format!("thyme {}", connection.schema))
        );
        client.batch_execute(&begin).await.map_err(|e| from_pg(e, "begin to open the task"))?;
        cursors.create(&client).await?;
        let target = wanted.prepare(&client, &cursors, &job.task.pipeline).await?;
        let owned = cursors.take(&client, &job.task).await?;
        client.batch_execute("COMMIT").await.map_err(|e| from_pg(e, "open the task").context("task", &job.task))?;
        let table = self.table(&client, job, target).await?;
        let commits = Commits { cursors, task: job.task.clone(), fence: owned.fence };
        let writer = TableWriter { client, commits, table, state: State::Idle, whole: true };
        Ok(Opened { writer: Box::new(writer), cursor: owned.cursor })
    }

    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let (connection, cursors) = self.place()?;
        let client = connect(&connection).await?;
        if !cursors.exist(&client).await? {
            return Ok(BTreeMap::new());
        }
        cursors.read(&client, pipeline).await
    }
}
