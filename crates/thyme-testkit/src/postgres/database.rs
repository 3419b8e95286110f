//! A database of a test's own, and the plainest way to talk to it.
use std::sync::atomic::{AtomicU64, Ordering};

use thyme_core::{Error, Kind, Result};
use tokio_postgres::{Client, NoTls};

use super::{PASSWORD, Server, USER};

/// A fresh database of a server.
#[derive(Debug)]
pub struct Database<'a> {
    /// Its server.
    pub server: &'a Server,
    /// Its name: `test_7`.
    pub name: String,
}

impl Server {
    /// An empty database, left behind when the server goes.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn database(&self) -> Result<Database<'_>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let client = self.client("postgres").await?;
        client.batch_execute(&format!("create database {name}")).await.map_err(|e| failed("no database", e))?;
        Ok(Database { server: self, name })
    }

    /// A connection of the superuser without TLS; gone when it is dropped.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn client(&self, database: &str) -> Result<Client> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port()).user(USER).password(PASSWORD).dbname(database);
        config.application_name("thyme test");
        let (client, connection) = config.connect(NoTls).await.map_err(|e| failed("no connection", e))?;
        tokio::spawn(connection);
        Ok(client)
    }
}

impl Database<'_> {
    /// A connection of the superuser without TLS; gone when it is dropped.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn client(&self) -> Result<Client> {
        self.server.client(&self.name).await
    }

    /// Runs statements, separated by `;`, as the superuser.
    ///
    /// # Errors
    /// `Unexpected` with what the server says.
    pub async fn run(&self, sql: &str) -> Result<()> {
        self.client().await?.batch_execute(sql).await.map_err(|e| failed("a statement failed", e).context("sql", sql))
    }

    /// The first column of all rows of a query, as text; NULL is empty.
    ///
    /// # Errors
    /// `Unexpected` with what the server says.
    pub async fn column(&self, sql: &str) -> Result<Vec<String>> {
        let messages = self.client().await?.simple_query(sql).await;
        let messages = messages.map_err(|e| failed("a query failed", e).context("sql", sql))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(rows.collect())
    }
}

fn failed(what: &str, error: tokio_postgres::Error) -> Error {
    let kind = if error.as_db_error().is_some() { Kind::Unexpected } else { Kind::Unavailable };
    Error::new(kind, what).context("server", error.as_db_error().map(ToString::to_string).unwrap_or_default()).source(error)
}
