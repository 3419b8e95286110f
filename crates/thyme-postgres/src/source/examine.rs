//! What can be seen of a table before it is read that stands in the way.
use thyme_core::{Error, Kind, Result};
use tokio_postgres::SimpleQueryMessage;

use super::relation::Relation;
use super::session::one;
use crate::client::Client;
use crate::config::PostgresSourceConfig;
use crate::error::from_pg;
use crate::quote::ident;

/// What `thyme check` runs: the columns are there, the table may be read.
pub(super) async fn check(client: &Client, relation: &Relation, config: &PostgresSourceConfig) -> Result<()> {
    relation.tie_breaker(&config.tie_breaker)?;
    if let Some(column) = &config.partition_column {
        relation.column(column)?;
    }
    let columns = relation.columns.iter().filter(|column| config.columns.is_empty() || config.columns.contains(&column.name));
    let list = columns.map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {list} {} LIMIT 0", relation.rows([]));
    client.simple_query(&sql).await.map_err(|e| from_pg(e, "read the table")).map(drop)
}

/// Whether the server sees who may still commit rows.
pub(super) async fn can_tell(client: &Client, relation: &Relation, lookback: bool) -> Result<()> {
    if lookback || thyme_core::testing::broken("postgres.no_refusal") {
        return Ok(());
    }
    let replica = one(client, "SELECT pg_catalog.pg_is_in_recovery()::pg_catalog.text", "ask whether this is a replica").await?;
    let why = if replica.as_deref() == Some("true") {
        "a replica does not see which transactions are open on its primary"
    } else if foreign(client, relation).await? {
        "the server does not see which transactions are open where a foreign table is"
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Config, format!("{why}: rows that are committed late would be lost"))
        .context("remedy", "set `lookback` to longer than a transaction takes and the replica lags, or read the primary"))
}

/// Whether rows come from elsewhere: what a view, a query or a partitioned table rests on shows when it is planned.
async fn foreign(client: &Client, relation: &Relation) -> Result<bool> {
    let sql = format!("EXPLAIN (FORMAT JSON, COSTS OFF) SELECT 1 {}", relation.rows([]));
    let plan = client.simple_query(&sql).await.map_err(|e| from_pg(e, "look where the rows come from"))?;
    // In JSON a name can't look like this: its quotes are escaped.
    let foreign = |text: &str| text.contains("\"Node Type\": \"Foreign Scan\"");
    Ok(plan.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0).is_some_and(foreign))))
}
