//! A table with its columns, key and indexes.
use thyme_core::{Error, Kind, Result};

use super::columns::{Column, of_relation};
use crate::client::Client;
use crate::error::from_pg;
use crate::quote::qualified;

/// A table, view or the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its OID.
    pub oid: u32,
    /// What it is.
    pub kind: TableKind,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key in order; empty without one.
    pub primary_key: Vec<String>,
    /// Its valid indexes.
    pub indexes: Vec<Index>,
    /// Rows, as of the last `ANALYZE`; negative when there was none.
    pub estimated_rows: i64,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// A table.
    Table,
    /// A table of partitions.
    Partitioned,
    /// A view.
    View,
    /// A view that is kept.
    MaterializedView,
    /// A table elsewhere.
    Foreign,
}

/// An index on plain columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its key columns in order; `None` for an expression.
    pub columns: Vec<Option<String>>,
    /// No two rows have the same key. Rows with NULL may.
    pub unique: bool,
    /// Covers some rows only.
    pub partial: bool,
}

impl Table {
    /// `"schema"."name"`.
    pub fn sql(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    /// The column `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column `name`, or which one may have been meant.
    ///
    /// # Errors
    /// `NotFound`.
    #[cfg(feature = "testing")]
    pub fn expect_column(&self, name: &str) -> Result<&Column> {
        self.column(name).ok_or_else(|| {
            let near = thyme_core::nearest(name, self.columns.iter().map(|column| column.name.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Error::new(Kind::NotFound, format!("there is no column `{name}` in {}{near}", self.sql()))
        })
    }
}

/// The table `name` in `schema`, both as in the catalog.
///
/// # Errors
/// `NotFound` with the schemas that have such a table.
pub async fn describe_table(client: &Client, schema: &str, name: &str) -> Result<Table> {
    if let Some(table) = find_table(client, schema, name).await? {
        return Ok(table);
    }
    const ELSEWHERE: &str = "SELECT n.nspname::text FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1 LIMIT 5";
    let rows = client.query(ELSEWHERE, &[&name]).await.map_err(|e| from_pg(e, "look for the table"))?;
    let elsewhere: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    let error = Error::new(Kind::NotFound, format!("there is no table {}", qualified(schema, name)));
    Err(match name.split_once('.') {
        _ if !elsewhere.is_empty() => error.context("schemas that have one", elsewhere.join(", ")),
        Some((first, _)) => error.context("remedy", format!("if `{first}` is the schema, say `schema = \"{first}\"`")),
        None => error,
    })
}

/// The table `name` in `schema`, if it is there.
///
/// # Errors
/// As the server answers.
pub async fn find_table(client: &Client, schema: &str, name: &str) -> Result<Option<Table>> {
    const SQL: &str = "SELECT c.oid, c.relkind::text, c.reltuples::pg_catalog.int8 FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
    let failed = |e| from_pg(e, "look up the table");
    let Some(row) = client.query_opt(SQL, &[&schema, &name]).await.map_err(failed)? else { return Ok(None) };
    let (oid, kind): (u32, String) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    let (primary_key, indexes) = indexes(client, oid).await?;
    Ok(Some(Table {
        schema: schema.to_owned(),
        name: name.to_owned(),
        oid,
        kind: match kind.as_str() {
            "p" => TableKind::Partitioned,
            "v" => TableKind::View,
            "m" => TableKind::MaterializedView,
            "f" => TableKind::Foreign,
            _ => TableKind::Table,
        },
        columns: of_relation(client, oid).await?,
        primary_key,
        indexes,
        estimated_rows: row.try_get(2).map_err(failed)?,
    }))
}

async fn indexes(client: &Client, table: u32) -> Result<(Vec<String>, Vec<Index>)> {
    const SQL: &str = "SELECT c.relname::text, i.indisunique, i.indisprimary, i.indpred IS NOT NULL, \
            ARRAY(SELECT a.attname::text FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) k \
                LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k] AND a.attnum > 0 \
                ORDER BY k) \
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
        WHERE i.indrelid = $1 AND i.indisvalid AND i.indisready ORDER BY i.indisprimary DESC, 1";
    let failed = |e| from_pg(e, "look up the indexes");
    let rows = client.query(SQL, &[&table]).await.map_err(failed)?;
    let (mut primary_key, mut indexes) = (Vec::new(), Vec::new());
    for row in rows {
        let columns: Vec<Option<String>> = row.try_get(4).map_err(failed)?;
        if row.try_get(2).map_err(failed)? {
            primary_key = columns.iter().flatten().cloned().collect();
        }
        indexes.push(Index {
            name: row.try_get(0).map_err(failed)?,
            columns,
            unique: row.try_get(1).map_err(failed)?,
            partial: row.try_get(3).map_err(failed)?,
        });
    }
    Ok((primary_key, indexes))
}
