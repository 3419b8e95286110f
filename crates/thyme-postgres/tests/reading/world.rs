//! Databases, sources and polls.
use std::sync::Arc;

use thyme_core::{Job, Result, Source, Task};
use thyme_postgres::PostgresSource;
use thyme_testkit::drive::{self, Durable, Ended, How};
use thyme_testkit::postgres::{Database, Server};

/// A fresh database of the shared server.
pub(crate) async fn database() -> Result<Database<'static>> {
    Server::shared()?.database().await
}

/// The superuser's connection to a database.
macro_rules! source {
    ($database:expr) => {
        thyme_postgres::PostgresSource::builder()
            .host("127.0.0.1")
            .port($database.server.port())
            .user(thyme_testkit::postgres::USER)
            .password(thyme_core::Secret::new(thyme_testkit::postgres::PASSWORD))
            .database(&*$database.name)
    };
}
pub(crate) use source;

/// What a pipeline asks for: all columns that are there.
pub(crate) async fn job(source: &PostgresSource, cursor: Option<&str>) -> Result<Job> {
    let dataset = source.discover().await?.expect("a table knows its columns");
    let mut job = Job::new(Task::alone("reading"), Arc::new(dataset));
    job.cursor = cursor.map(str::to_owned);
    job.once = true;
    Ok(job)
}

/// One run to the end of what is there.
pub(crate) async fn read(source: &PostgresSource, job: &Job, durable: &mut Durable, how: How) -> Result<Ended> {
    drive::run(source, job, durable, how).await
}

/// The ids of a table as they are now, in order.
pub(crate) async fn truth(database: &Database<'_>, table: &str) -> Result<Vec<i64>> {
    let ids = database.column(&format!("select id from {table} order by id")).await?;
    Ok(ids.iter().map(|id| id.parse().expect("a number")).collect())
}

/// Every id of the table was read, and none twice.
pub(crate) async fn assert_once(database: &Database<'_>, table: &str, durable: &Durable) -> Result<()> {
    let mut got = durable.ids()?;
    got.sort_unstable();
    let want = truth(database, table).await?;
    let twice = got.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect::<Vec<_>>();
    let missed = want.iter().filter(|id| got.binary_search(id).is_err()).collect::<Vec<_>>();
    assert!(twice.is_empty() && missed.is_empty(), "of {} rows missed {missed:?}, read twice {twice:?}", want.len());
    assert_eq!(got, want);
    Ok(())
}
