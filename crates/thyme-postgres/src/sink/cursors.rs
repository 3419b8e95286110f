//! The table `thyme_cursors`: where each task stands, kept with the rows, and the number that fences its older writers.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::testing::broken;
use thyme_core::{Cursor, Error, Kind, Result, Task};

use crate::client::Client;
use crate::error::from_pg;
use crate::quote::{literal, qualified};

/// The name of the table. It is in the schema of the target, so that both are saved and restored together.
pub(super) const NAME: &str = "thyme_cursors";

/// What a commit that was fenced says: it stands in the error of the server.
const FENCED: &str = "thyme_fenced";

/// The cursors of one target.
#[derive(Clone, Debug)]
pub(super) struct Cursors {
    /// The table with the cursors, quoted.
    table: String,
    /// The table with the rows, by its name in the same schema.
    target: String,
}

/// A task that was taken over.
#[derive(Debug)]
pub(super) struct Owned {
    /// Greater than that of any writer before.
    pub(super) fence: i64,
    /// Where the task stood.
    pub(super) cursor: Option<Cursor>,
}

impl Cursors {
    pub(super) fn of(schema: &str, target: &str) -> Self {
        Self { table: qualified(schema, NAME), target: target.to_owned() }
    }

    /// Whether the table is there.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn exist(&self, client: &Client) -> Result<bool> {
        let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&self.table]).await;
        row.and_then(|row| row.try_get(0)).map_err(|e| from_pg(e, format_args!("look for {}", self.table)))
    }

    /// Makes the table, where it is not there.
    ///
    /// # Errors
    /// `Auth` without the privilege to create tables in the schema.
    pub(super) async fn create(&self, client: &Client) -> Result<()> {
        if self.exist(client).await? {
            return Ok(());
        }
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {} (target text, pipeline text, task text, fence bigint NOT NULL, \
             seq bigint NOT NULL DEFAULT 0, cursor text, updated_at timestamptz NOT NULL DEFAULT now(), \
             PRIMARY KEY (target, pipeline, task))",
            self.table
        );
        client.batch_execute(&sql).await.map_err(|e| from_pg(e, format_args!("create {}", self.table)))
    }

    /// Takes the task over: what older writers have not committed by now they never will.
    ///
    /// # Errors
    /// Those of the server; `CursorLost` for a cursor that does not parse.
    pub(super) async fn take(&self, client: &Client, task: &Task) -> Result<Owned> {
        let sql = format!(
            "INSERT INTO {} AS c (target, pipeline, task, fence) VALUES ($1, $2, $3, 1) \
             ON CONFLICT (target, pipeline, task) DO UPDATE SET fence = c.fence + 1 RETURNING fence, cursor",
            self.table
        );
        let row = client.query_one(&sql, &[&self.target, &&*task.pipeline, &&*task.task]).await;
        let read = row.and_then(|row| Ok((row.try_get::<_, i64>(0)?, row.try_get::<_, Option<String>>(1)?)));
        let (fence, cursor) = read.map_err(|e| from_pg(e, format_args!("take over the task in {}", self.table)))?;
        let cursor = cursor.map(|json| Cursor::from_json(json.as_bytes())).transpose()?;
        Ok(Owned { fence, cursor })
    }

    /// Which pipelines have committed here.
    ///
    /// # Errors
    /// Those of the server.
    pub(super) async fn pipelines(&self, client: &Client) -> Result<Vec<String>> {
        let sql = format!("SELECT DISTINCT pipeline FROM {} WHERE target = $1 AND cursor IS NOT NULL", self.table);
        let rows = client.query(&sql, &[&self.target]).await;
        let names = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
        names.map_err(|e| from_pg(e, format_args!("read {}", self.table)))
    }

    /// The cursors of a pipeline, by task.
    ///
    /// # Errors
    /// Those of the server; `CursorLost` for a cursor that does not parse.
    pub(super) async fn read(&self, client: &Client, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let sql = format!("SELECT task, cursor FROM {} WHERE target = $1 AND pipeline = $2 AND cursor IS NOT NULL", self.table);
        let rows = client.query(&sql, &[&self.target, &pipeline]).await;
        let rows = rows.and_then(|rows| {
            rows.iter().map(|row| Ok((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?))).collect::<Result<Vec<_>, _>>()
        });
        let rows = rows.map_err(|e| from_pg(e, format_args!("read {}", self.table)))?;
        rows.into_iter().map(|(task, json)| Ok((task.into(), Cursor::from_json(json.as_bytes())?))).collect()
    }

    /// SQL that moves the cursor of a task, and fails where the task was taken over or has committed this before.
    ///
    /// It needs nobody to look at its result: a server whose client died in the middle comes to the right end by itself.
    ///
    /// # Errors
    /// `Unexpected` for a cursor that is too large.
    pub(super) fn advance(&self, task: &Task, fence: i64, cursor: &Cursor) -> Result<String> {
        let guard = if broken("no_fence") { String::new() } else { format!(" AND fence = {fence} AND seq < {}", cursor.seq) };
        Ok(format!(
            "WITH moved AS (UPDATE {} SET seq = {}, cursor = {}, updated_at = clock_timestamp() \
             WHERE target = {} AND pipeline = {} AND task = {}{guard} RETURNING seq) \
             SELECT CASE WHEN count(*) = 1 THEN 0 ELSE ('{FENCED} ' || count(*))::int END FROM moved",
            self.table,
            cursor.seq,
            literal(&cursor.to_json()?),
            literal(&self.target),
            literal(&task.pipeline),
            literal(&task.task),
        ))
    }
}

/// What the server said about a commit.
pub(super) fn refused(error: tokio_postgres::Error, task: &Task) -> Error {
    if error.as_db_error().is_some_and(|db| db.message().contains(FENCED)) {
        let text = "another process has opened this task since, or this very commit was made before; nothing is written";
        return Error::new(Kind::Conflict, text).context("task", task);
    }
    from_pg(error, "commit").context("task", task)
}
