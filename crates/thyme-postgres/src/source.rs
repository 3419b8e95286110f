//! Tables and queries, read by a cursor column or once.
mod advise;
mod begin;
mod columns;
mod examine;
mod guard;
mod key;
mod lookback;
mod open;
mod parts;
mod place;
mod plan;
mod print;
mod reader;
mod relation;
mod session;

use std::fmt;
use std::sync::Arc;

use thyme_core::{Advice, Cdc, Cursor, Dataset, Error, Job, Kind, Plan, Result, Source, SourceInfo, async_trait};
use tokio::sync::Mutex;

use crate::config::{Connection, PostgresSourceConfig, PostgresSourceConfigBuilder, postgres_source_config_builder};
use guard::Guard;
pub(crate) use guard::METRICS;
use relation::Relation;

/// A table or a query: every committed row once, whatever ties and whoever commits late.
///
/// ```
/// use thyme_postgres::PostgresSource;
///
/// let source = PostgresSource::builder().host("db.internal").user("reader").table("orders").build();
/// ```
#[derive(Clone)]
pub struct PostgresSource {
    config: PostgresSourceConfig,
    /// What earlier polls of this process know about open transactions.
    guard: Arc<Mutex<Guard>>,
}

impl<S: postgres_source_config_builder::IsComplete> PostgresSourceConfigBuilder<S> {
    /// The source; nothing is reached.
    pub fn build(self) -> PostgresSource {
        PostgresSource::new(self.config())
    }
}

impl PostgresSource {
    /// A source from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: PostgresSourceConfig) -> Self {
        Self { config, guard: Arc::default() }
    }

    /// Builds a configuration, then the source.
    pub fn builder() -> PostgresSourceConfigBuilder {
        PostgresSourceConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching the server.
    ///
    /// # Errors
    /// `Config` for a table and a query, or neither; a `url` that does not parse; a missing user; partitions that are not whole.
    pub fn validate(&self) -> Result<()> {
        self.config.connection()?;
        let config = &self.config;
        let empty = |name: &Option<String>| name.as_ref().is_some_and(|text| text.trim().is_empty());
        match (&config.table, &config.query) {
            (Some(_), Some(_)) => Err(Error::new(Kind::Config, "`table` and `query` exclude each other: keep one of them")),
            (None, None) => Err(Error::new(Kind::Config, "a source reads a `table` or a `query`: set one of them")),
            _ if empty(&config.table) => Err(Error::new(Kind::Config, "`table` is empty")),
            _ if empty(&config.query) => Err(Error::new(Kind::Config, "`query` is empty")),
            _ if config.batch_size == 0 => Err(Error::new(Kind::Config, "`batch_size` is 0: a batch has a row at least")),
            _ if config.partition_column.is_some() && config.num_partitions.is_none() => {
                Err(Error::new(Kind::Config, "`partition_column` needs `num_partitions`"))
            }
            _ => Ok(()),
        }
    }

    fn connection(&self) -> Result<Connection> {
        self.validate()?;
        self.config.connection()
    }
}

impl fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSource").field("config", &self.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn info(&self) -> SourceInfo {
        let identity = match self.config.connection() {
            Ok(connection) => format!("{} {}", connection.identity(), relation::name(&self.config, &connection)),
            Err(_) => "postgres".to_owned(),
        };
        SourceInfo { identity, needs_cursor: true, ..SourceInfo::default() }
    }

    async fn check(&self) -> Result<()> {
        let connection = self.connection()?;
        let client = session::reading(&connection).await?;
        let relation = Relation::find(&client, &self.config, &connection).await?;
        examine::check(&client, &relation, &self.config).await
    }

    async fn advise(&self, job: &Job) -> Result<Vec<Advice>> {
        polled(job)?;
        self.advice(job).await
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        let connection = self.connection()?;
        let client = session::reading(&connection).await?;
        let relation = Relation::find(&client, &self.config, &connection).await?;
        let name = self.config.table.as_deref().unwrap_or("query");
        columns::dataset(&relation, name, &self.config.columns, self.config.numeric).map(Some)
    }

    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        polled(job)?;
        self.begin(job, from).await
    }
}

/// A table that is polled has rows, and no envelopes.
fn polled(job: &Job) -> Result<()> {
    if job.cdc != Cdc::Debezium {
        return Ok(());
    }
    let text = "`cdc = \"debezium\"` is for sources that carry envelopes: a table that is polled has none";
    Err(Error::new(Kind::Config, text).context("remedy", "read the topic that Debezium writes, by type `kafka`"))
}
