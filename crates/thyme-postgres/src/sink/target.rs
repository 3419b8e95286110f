//! The table that is written: made, widened, or refused when a task is opened.
use std::collections::HashSet;

use thyme_core::arrow::datatypes::FieldRef;
use thyme_core::{Dataset, Error, Kind, Result, field_type, nearest};

use super::cursors::Cursors;
use crate::catalog::{self, Column, Table};
use crate::client::Client;
use crate::config::{Mode, PostgresSinkConfig};
use crate::error::from_pg;
use crate::quote::{ident, list, qualified};
use crate::types;

/// The table that is written.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Its name, quoted.
    pub(super) sql: String,
    /// Its columns, one for each of the dataset and in that order.
    pub(super) columns: Vec<Column>,
}

/// What a target is made from.
pub(super) struct Wanted<'a> {
    pub(super) config: &'a PostgresSinkConfig,
    pub(super) schema: &'a str,
    pub(super) dataset: &'a Dataset,
    /// A table that is made gets a primary key.
    pub(super) keyed: bool,
}

impl Wanted<'_> {
    fn sql(&self) -> String {
        qualified(self.schema, &self.config.table)
    }

    /// Finds the table, or makes it; adds the columns that it lacks; sees that every row of the dataset can be written.
    ///
    /// # Errors
    /// `NotFound` without the table and `auto_create`, `Schema` where columns do not fit, `Conflict` for a table that was dropped
    /// under its cursor, or has rows that this pipeline did not write.
    pub(super) async fn prepare(&self, client: &Client, cursors: &Cursors, pipeline: &str) -> Result<Target> {
        let sql = self.sql();
        let found = catalog::find_table(client, self.schema, &self.config.table).await?;
        let table = match found {
            Some(table) => {
                self.own(client, cursors, pipeline).await?;
                self.widen(client, table).await?
            }
            None => {
                self.not_dropped(client, cursors).await?;
                self.create(client).await?
            }
        };
        let columns = self.dataset.columns().fields().iter().map(|field| column(&table, field, &sql));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        self.nothing_left_out(&table)?;
        Ok(Target { sql, columns })
    }

    async fn create(&self, client: &Client) -> Result<Table> {
        if !self.config.auto_create {
            let text = format!("there is no table {}: create it, or set `auto_create`", self.sql());
            return Err(Error::new(Kind::NotFound, text));
        }
        let fields = self.dataset.schema().fields().iter();
        let mut parts = fields
            .map(|field| {
                let required = if field.is_nullable() { "" } else { " NOT NULL" };
                Ok(format!("{} {}{required}", ident(field.name()), types::ddl(field)?))
            })
            .collect::<Result<Vec<_>>>()?;
        if self.keyed {
            parts.push(format!("PRIMARY KEY ({})", list(self.dataset.key().iter().map(String::as_str))));
        }
        let sql = format!("CREATE TABLE IF NOT EXISTS {} ({})", self.sql(), parts.join(", "));
        client.batch_execute(&sql).await.map_err(|e| from_pg(e, format_args!("create the table {}", self.sql())))?;
        self.describe(client).await
    }

    async fn describe(&self, client: &Client) -> Result<Table> {
        let found = catalog::find_table(client, self.schema, &self.config.table).await?;
        found.ok_or_else(|| Error::new(Kind::NotFound, format!("the table {} is gone again", self.sql())))
    }

    /// A table that is made anew does not have the rows that its cursor speaks of.
    async fn not_dropped(&self, client: &Client, cursors: &Cursors) -> Result<()> {
        let written = cursors.pipelines(client).await?;
        if written.is_empty() {
            return Ok(());
        }
        let text = format!(
            "the table {} is gone, and {} still has cursors of it: restore the table, or delete those rows to begin anew",
            self.sql(),
            qualified(self.schema, super::cursors::NAME)
        );
        Err(Error::new(Kind::Conflict, text).context("pipelines", written.join(", ")))
    }

    /// Under `error_if_exists` rows of others are refused.
    async fn own(&self, client: &Client, cursors: &Cursors, pipeline: &str) -> Result<()> {
        if self.config.mode != Mode::ErrorIfExists || cursors.pipelines(client).await?.iter().any(|name| name == pipeline) {
            return Ok(());
        }
        let sql = format!("SELECT EXISTS (SELECT FROM {})", self.sql());
        let full = client.query_one(&sql, &[]).await.and_then(|row| row.try_get::<_, bool>(0));
        if !full.map_err(|e| from_pg(e, format_args!("look into {}", self.sql())))? {
            return Ok(());
        }
        let text = format!("the table {} has rows that this pipeline did not write, and `mode` is `error_if_exists`", self.sql());
        Err(Error::new(Kind::Conflict, text))
    }

    async fn widen(&self, client: &Client, table: Table) -> Result<Table> {
        let missing = self.dataset.schema().fields().iter().filter(|field| table.column(field.name()).is_none());
        let missing = missing.collect::<Vec<_>>();
        let Some(first) = missing.first() else { return Ok(table) };
        if !self.config.auto_evolve {
            let names = table.columns.iter().map(|column| column.name.as_str());
            let near = nearest(first.name(), names).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let names = missing.iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ");
            let text = format!("the table {} has no column {names}: add it, or set `auto_evolve`{near}", self.sql());
            return Err(Error::new(Kind::Schema, text));
        }
        let add = |field: &&FieldRef| Ok(format!("ADD COLUMN IF NOT EXISTS {} {}", ident(field.name()), types::ddl(field)?));
        let parts = missing.iter().map(add).collect::<Result<Vec<_>>>()?;
        let sql = format!("ALTER TABLE {} {}", self.sql(), parts.join(", "));
        client.batch_execute(&sql).await.map_err(|e| from_pg(e, format_args!("add columns to {}", self.sql())))?;
        self.describe(client).await
    }

    /// A column that no row can do without has to come from the dataset.
    fn nothing_left_out(&self, table: &Table) -> Result<()> {
        let given = self.dataset.schema().fields().iter().map(|field| field.name().as_str()).collect::<HashSet<_>>();
        let left = table.columns.iter().find(|column| required(column) && !given.contains(column.name.as_str()));
        match left {
            None => Ok(()),
            Some(column) => {
                let text = format!(
                    "`{}` of {} is NOT NULL without a default, and the dataset has no such column",
                    column.name,
                    self.sql()
                );
                Err(Error::new(Kind::Schema, text))
            }
        }
    }
}

/// Whether a row without it is refused.
fn required(column: &Column) -> bool {
    column.not_null && !column.has_default && !column.generated
}

fn column(table: &Table, field: &FieldRef, sql: &str) -> Result<Column> {
    let found = table.column(field.name()).cloned();
    let column = found.ok_or_else(|| Error::new(Kind::Schema, format!("the table {sql} has no column `{}`", field.name())))?;
    if column.generated {
        let text = format!("`{}` of {sql} is made by the server from other columns: leave it out of `fields`", column.name);
        return Err(Error::new(Kind::Schema, text).context("type", field_type::name(field)));
    }
    Ok(column)
}
