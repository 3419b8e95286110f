//! What can be seen of a table before it is read: what stands in the way, and what makes reading slow or less than exact.
use thyme_core::{Error, Kind, Result};
use tokio_postgres::SimpleQueryMessage;

use super::key::Order;
use super::relation::Relation;
use super::session::one;
use crate::catalog::Column;
use crate::client::Client;
use crate::config::PostgresSourceConfig;
use crate::error::from_pg;
use crate::quote::{ident, literal};
use crate::types::PgType;

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
    if lookback {
        return Ok(());
    }
    let replica = one(client, "SELECT pg_catalog.pg_is_in_recovery()::pg_catalog.text", "ask whether this is a replica").await?;
    let why = match (replica.as_deref(), relation.foreign) {
        (Some("true"), _) => "a replica does not see which transactions are open on its primary",
        (_, true) => "the server does not see which transactions are open where a foreign table is",
        _ => return Ok(()),
    };
    Err(Error::new(Kind::Config, format!("{why}: rows that are committed late would be lost"))
        .context("remedy", "set `lookback` to longer than a transaction takes and the replica lags, or read the primary"))
}

/// What the operator should know about the cursor column.
pub(super) async fn notes(client: &Client, relation: &Relation, cursor: &Column, order: &Order) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let name = &cursor.name;
    if relation.table && !relation.indexed.contains(name) {
        notes.push(format!("no index begins with `{name}`: every poll looks at the whole table"));
    }
    if relation.table && order.columns.len() == 1 && !relation.primary_key.contains(name) {
        notes.push(format!("nothing but `{name}` orders the rows: those that agree in it are not told apart"));
    }
    if order.columns.iter().any(|column| column.ty == PgType::Text && !column.bytewise) {
        notes.push("text is put in order by a collation other than C, which an update of the system may change".to_owned());
    }
    for sequence in cached(client, relation, name).await? {
        notes.push(format!(
            "the sequence {sequence} hands out numbers in advance (CACHE): rows come late by as many; set `lookback`"
        ));
    }
    Ok(notes)
}

/// Sequences with CACHE > 1 that fill a column: its own, and those that its default names.
async fn cached(client: &Client, relation: &Relation, column: &str) -> Result<Vec<String>> {
    let Some(table) = relation.from.strip_suffix(" AS \"r\"").filter(|_| relation.table) else { return Ok(Vec::new()) };
    if table.starts_with('(') {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT s.seqrelid::pg_catalog.regclass::pg_catalog.text, s.seqcache::pg_catalog.text FROM pg_catalog.pg_sequence s \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = {}::pg_catalog.regclass AND a.attname = {} \
         WHERE s.seqcache > 1 AND EXISTS (SELECT FROM pg_catalog.pg_depend d LEFT JOIN pg_catalog.pg_attrdef f \
            ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = d.objid \
            WHERE (d.objid = s.seqrelid AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum) \
               OR (d.refobjid = s.seqrelid AND f.adrelid = a.attrelid AND f.adnum = a.attnum))",
        literal(table),
        literal(column)
    );
    let found = client.simple_query(&sql).await.map_err(|e| from_pg(e, "look at the cursor column's sequence"))?;
    let names = found.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(format!("{} ({})", row.get(0)?, row.get(1)?)),
        _ => None,
    });
    Ok(names.collect())
}
