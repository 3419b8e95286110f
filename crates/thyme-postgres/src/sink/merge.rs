//! Rows into the table by way of temporary tables of the session: upserts, rows with unknown cells, deletes.
use std::collections::HashSet;
use std::sync::Arc;

use futures::future::try_join;
use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use thyme_core::{Error, Kind, Result};
use tokio_postgres::Statement;

use super::action::Action;
use super::load::Load;
use super::plan::Write;
use super::target::Target;
use crate::catalog::{self, Column};
use crate::client::Client;
use crate::copy::Refused;
use crate::error::from_pg;
use crate::quote::{ident, list};

const STAGE: &str = "pg_temp.thyme_stage";
const KEYS: &str = "pg_temp.thyme_keys";

/// Rows that come with all columns: a temporary table, then one `INSERT … ON CONFLICT`.
pub(super) struct Merge {
    load: Load,
    insert: Statement,
    row: String,
    partial: Vec<Partial>,
}

/// Rows of which the same cells are unknown: they only change rows that are there.
struct Partial {
    unknown: Vec<usize>,
    load: Load,
    update: Statement,
    schema: SchemaRef,
}

impl Merge {
    /// Makes the temporary table. `key` are the numbers of the key columns.
    ///
    /// # Errors
    /// `Schema` where there is no unique index on the key, `Config` for an `on_conflict` that is no SQL; those of the server.
    pub(super) async fn new(
        client: &Client,
        target: &Target,
        key: &[usize],
        action: &Action,
        schema: &SchemaRef,
    ) -> Result<Self> {
        let mut row = "thyme_row".to_owned();
        while target.columns.iter().any(|column| column.name == row) {
            row.push('_');
        }
        let names = list(target.columns.iter().map(|column| column.name.as_str()));
        let sql = format!(
            "CREATE TEMPORARY TABLE thyme_stage AS SELECT {names}, 0::bigint AS {} FROM {} WITH NO DATA",
            ident(&row),
            target.sql
        );
        client.batch_execute(&sql).await.map_err(|e| from_pg(e, "create a temporary table"))?;
        let conflict = conflict(target, key, action);
        let sql = format!("INSERT INTO {} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {STAGE} {conflict}", target.sql);
        let insert = client.prepare(&sql).await.map_err(|e| unfit(e, target, action))?;
        // Whether there is an index for it shows when it is planned.
        client.batch_execute(&format!("EXPLAIN {sql}")).await.map_err(|e| unfit(e, target, action))?;
        let load = Load::into(client, STAGE, &target.columns, schema).await?;
        Ok(Self { load, insert, row, partial: Vec::new() })
    }

    /// Writes the rows; returns those (of the rows of `write`) that can't be sent, or were not there to be changed.
    ///
    /// # Errors
    /// `Data` where a row can't be taken; those of the server.
    pub(super) async fn write(
        &mut self,
        client: &Client,
        target: &Target,
        key: &[usize],
        write: &Write,
        most: usize,
    ) -> Result<Vec<Refused>> {
        if write.unknown.is_empty() {
            let refused = self.load.rows(client, &write.rows, most).await?;
            let insert = async { client.execute(&self.insert, &[]).await.map_err(|e| wrong(e, target)) };
            try_join(insert, empty(client, STAGE)).await?;
            return Ok(refused);
        }
        let at = match self.partial.iter().position(|partial| partial.unknown == write.unknown) {
            Some(at) => at,
            None => {
                let schema = write.rows.schema();
                self.partial.push(Partial::new(client, target, key, &self.row, &write.unknown, &schema).await?);
                self.partial.len() - 1
            }
        };
        match self.partial.get(at) {
            Some(partial) => partial.write(client, target, &write.rows, most).await,
            None => Ok(Vec::new()),
        }
    }
}

impl Partial {
    async fn new(
        client: &Client,
        target: &Target,
        key: &[usize],
        row: &str,
        unknown: &[usize],
        schema: &SchemaRef,
    ) -> Result<Self> {
        let known = |at: &usize| !unknown.contains(at);
        let mut columns = named(target, (0..target.columns.len()).filter(known));
        let sets = (0..target.columns.len()).filter(known).filter(|at| !key.contains(at)).collect::<Vec<_>>();
        // Without a column to change, a row is only looked for.
        let sets = named(target, if sets.is_empty() { key.to_vec() } else { sets });
        let set = |column: &Column| format!("{0} = s.{0}", ident(&column.name));
        let sql = format!(
            "UPDATE {} AS t SET {} FROM {STAGE} AS s WHERE {} RETURNING s.{}",
            target.sql,
            sets.iter().map(set).collect::<Vec<_>>().join(", "),
            same_key(&named(target, key.iter().copied())),
            ident(row)
        );
        let update = client.prepare(&sql).await.map_err(|e| wrong(e, target))?;
        let fields = schema.fields().iter().enumerate().filter(|(at, _)| known(at)).map(|(_, field)| Arc::clone(field));
        let fields = fields.chain([Arc::new(Field::new(row, DataType::Int64, true))]).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(fields));
        columns.extend(catalog::describe_query(client, &format!("SELECT 0::bigint AS {}", ident(row))).await?);
        let load = Load::into(client, STAGE, &columns, &schema).await?;
        Ok(Self { unknown: unknown.to_vec(), load, update, schema })
    }

    async fn write(&self, client: &Client, target: &Target, rows: &RecordBatch, most: usize) -> Result<Vec<Refused>> {
        let known = rows.columns().iter().enumerate().filter(|(at, _)| !self.unknown.contains(at));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0i64..).take(rows.num_rows())));
        let columns = known.map(|(_, column)| Arc::clone(column)).chain([numbers]).collect();
        let numbered = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        let numbered = numbered.map_err(|e| Error::new(Kind::Unexpected, "rows can't be numbered").source(e))?;
        let mut refused = self.load.rows(client, &numbered, most).await?;
        let update = async { client.query(&self.update, &[]).await.map_err(|e| wrong(e, target)) };
        let (changed, ()) = try_join(update, empty(client, STAGE)).await?;
        let mut seen = changed.iter().filter_map(|row| row.try_get::<_, i64>(0).ok()).collect::<HashSet<_>>();
        seen.extend(refused.iter().filter_map(|refused| i64::try_from(refused.row).ok()));
        let names = self.unknown.iter().filter_map(|at| target.columns.get(*at)).map(|column| format!("`{}`", column.name));
        let reason = format!("the row is not in {}, and its {} is unknown", target.sql, names.collect::<Vec<_>>().join(", "));
        let missing = (0i64..).zip(0..rows.num_rows()).filter(|(number, _)| !seen.contains(number));
        refused.extend(missing.map(|(_, row)| Refused { row, reason: reason.clone() }));
        Ok(refused)
    }
}

/// Keys that go.
pub(super) struct Deletes {
    load: Load,
    delete: Statement,
    key: Vec<usize>,
}

impl Deletes {
    /// Makes the temporary table for the key columns, whose numbers are `key`.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn new(client: &Client, target: &Target, key: &[usize], schema: &SchemaRef) -> Result<Self> {
        let columns = named(target, key.iter().copied());
        let names = list(columns.iter().map(|column| column.name.as_str()));
        let sql = format!("CREATE TEMPORARY TABLE thyme_keys AS SELECT {names} FROM {} WITH NO DATA", target.sql);
        client.batch_execute(&sql).await.map_err(|e| from_pg(e, "create a temporary table"))?;
        let sql = format!("DELETE FROM {} AS t USING {KEYS} AS s WHERE {}", target.sql, same_key(&columns));
        let delete = client.prepare(&sql).await.map_err(|e| wrong(e, target))?;
        let schema = schema.project(key).map_err(|e| Error::new(Kind::Schema, "the key is not in the dataset").source(e))?;
        let load = Load::into(client, KEYS, &columns, &Arc::new(schema)).await?;
        Ok(Self { load, delete, key: key.to_vec() })
    }

    /// Deletes the rows with the keys of `rows`; a key that is not there is no error, one that can't be sent is returned.
    ///
    /// # Errors
    /// `Data` where a row can't go, because others refer to it; those of the server.
    pub(super) async fn rows(&self, client: &Client, target: &Target, rows: &RecordBatch, most: usize) -> Result<Vec<Refused>> {
        let keys = rows.project(&self.key).map_err(|e| Error::new(Kind::Unexpected, "rows without their key").source(e))?;
        let refused = self.load.rows(client, &keys, most).await?;
        let delete = async { client.execute(&self.delete, &[]).await.map_err(|e| wrong(e, target)) };
        try_join(delete, empty(client, KEYS)).await?;
        Ok(refused)
    }
}

/// What follows the rows of an `INSERT`.
fn conflict(target: &Target, key: &[usize], action: &Action) -> String {
    match action {
        Action::Insert => String::new(),
        Action::Ignore => "ON CONFLICT DO NOTHING".into(),
        Action::Raw(raw) => format!("ON CONFLICT {raw}"),
        Action::Update => {
            let keys = named(target, key.iter().copied());
            let others = named(target, (0..target.columns.len()).filter(|at| !key.contains(at)));
            let set = |column: &Column| format!("{0} = EXCLUDED.{0}", ident(&column.name));
            let sets = others.iter().map(set).collect::<Vec<_>>().join(", ");
            let names = list(keys.iter().map(|column| column.name.as_str()));
            if sets.is_empty() {
                return format!("ON CONFLICT ({names}) DO NOTHING");
            }
            format!("ON CONFLICT ({names}) DO UPDATE SET {sets}")
        }
    }
}

fn named(target: &Target, which: impl IntoIterator<Item = usize>) -> Vec<Column> {
    which.into_iter().filter_map(|at| target.columns.get(at).cloned()).collect()
}

fn same_key(key: &[Column]) -> String {
    key.iter().map(|column| format!("t.{0} = s.{0}", ident(&column.name))).collect::<Vec<_>>().join(" AND ")
}

async fn empty(client: &Client, table: &str) -> Result<()> {
    client.batch_execute(&format!("TRUNCATE {table}")).await.map_err(|e| from_pg(e, "empty a temporary table"))
}

fn wrong(error: tokio_postgres::Error, target: &Target) -> Error {
    from_pg(error, format_args!("write to {}", target.sql))
}

/// An `INSERT` that the server does not understand.
fn unfit(error: tokio_postgres::Error, target: &Target, action: &Action) -> Error {
    let no_index = error.code().is_some_and(|code| code.code() == "42P10");
    match action {
        Action::Update if no_index => {
            let text = format!("the table {} has no unique index on exactly the key fields: add one", target.sql);
            Error::new(Kind::Schema, text).source(from_pg(error, "write by key"))
        }
        Action::Raw(_) => from_pg(error, format_args!("write to {} by `on_conflict`", target.sql)),
        _ => wrong(error, target),
    }
}
