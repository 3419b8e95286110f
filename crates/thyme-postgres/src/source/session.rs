//! Sessions that read, one snapshot for all of a poll.
use thyme_core::{Error, Kind, Result};
use tokio_postgres::SimpleQueryMessage;

use super::open::reads_only;
use crate::client::{Client, connect};
use crate::config::Connection;
use crate::error::from_pg;
use crate::quote::literal;

/// A session that writes nothing, and shows it.
pub(super) async fn reading(connection: &Connection) -> Result<Client> {
    let client = connect(connection).await?;
    client.batch_execute(&reads_only()).await.map_err(|e| from_pg(e, "set up the session"))?;
    Ok(client)
}

/// Opens the snapshot that a poll reads. Its name, if it is to be `shared`.
pub(super) async fn begin(client: &Client, shared: bool) -> Result<Option<String>> {
    let failed = |e| from_pg(e, "open a snapshot");
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(failed)?;
    if !shared {
        return Ok(None);
    }
    one(client, "SELECT pg_catalog.pg_export_snapshot()", "share the snapshot").await
}

/// Another session that sees the same rows.
pub(super) async fn join(connection: &Connection, snapshot: &str) -> Result<Client> {
    let client = reading(connection).await?;
    let sql = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}", literal(snapshot));
    client.batch_execute(&sql).await.map_err(|e| from_pg(e, "join the snapshot"))?;
    Ok(client)
}

/// The first value of the first row, as text.
pub(super) async fn one(client: &Client, sql: &str, what: &str) -> Result<Option<String>> {
    let found = client.simple_query(sql).await.map_err(|e| from_pg(e, what))?;
    let row = found.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
        _ => None,
    });
    row.ok_or_else(|| Error::new(Kind::Unexpected, format!("no answer to: {what}")))
}
