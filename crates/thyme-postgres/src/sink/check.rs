//! What stands in the way of writing, found without writing.
use thyme_core::{Error, Kind, Result};

use super::action::Action;
use super::cursors::Cursors;
use crate::catalog;
use crate::client::Client;
use crate::config::{Mode, PostgresSinkConfig};
use crate::error::from_pg;
use crate::quote::{ident, qualified};

/// Sees that rows and cursors can be written. Changes nothing.
///
/// # Errors
/// `NotFound` without the table and `auto_create`, `Auth` for a missing privilege (named), `Schema` for an upsert into a table
/// without a unique index, `Unsupported` on a standby.
pub(super) async fn check(client: &Client, config: &PostgresSinkConfig, schema: &str, cursors: &Cursors) -> Result<()> {
    if ask(client, "SELECT pg_is_in_recovery()", &[]).await? {
        return Err(Error::new(Kind::Unsupported, "the server is a standby, which is read only: connect to the primary"));
    }
    let action = Action::of(config)?;
    let sql = qualified(schema, &config.table);
    match catalog::find_table(client, schema, &config.table).await? {
        Some(table) => {
            let mut needed = vec!["INSERT"];
            needed.extend(if action.merges() { &["SELECT", "UPDATE"][..] } else { &[] });
            needed.extend((config.delete || config.mode == Mode::Overwrite).then_some("DELETE"));
            needed.extend((config.mode == Mode::ErrorIfExists).then_some("SELECT"));
            privileges(client, &sql, &needed).await?;
            let keyed = table.indexes.iter().any(|index| index.unique && !index.partial);
            if action == Action::Update && !keyed {
                let text =
                    format!("the table {sql} has no unique index: rows are updated by key, which needs one on the key fields");
                return Err(Error::new(Kind::Schema, text));
            }
        }
        None if !config.auto_create => {
            return Err(Error::new(Kind::NotFound, format!("there is no table {sql}: create it, or set `auto_create`")));
        }
        None => may_create(client, schema, &sql).await?,
    }
    if action.merges() && !ask(client, "SELECT has_database_privilege(current_database(), 'TEMPORARY')", &[]).await? {
        let text = "no privilege to make temporary tables in this database, which updates go through: GRANT TEMPORARY";
        return Err(Error::new(Kind::Auth, text));
    }
    let table = qualified(schema, super::cursors::NAME);
    if cursors.exist(client).await? {
        privileges(client, &table, &["SELECT", "INSERT", "UPDATE"]).await
    } else {
        may_create(client, schema, &table).await
    }
}

async fn privileges(client: &Client, table: &str, needed: &[&str]) -> Result<()> {
    for privilege in needed {
        if !ask(client, "SELECT has_table_privilege($1, $2)", &[&table, privilege]).await? {
            let text = format!("no privilege to write: GRANT {privilege} ON {table}");
            return Err(Error::new(Kind::Auth, text));
        }
    }
    Ok(())
}

async fn may_create(client: &Client, schema: &str, table: &str) -> Result<()> {
    if !ask(client, "SELECT to_regnamespace($1) IS NOT NULL", &[&ident(schema).as_str()]).await? {
        return Err(Error::new(Kind::NotFound, format!("there is no schema {}", ident(schema))));
    }
    if ask(client, "SELECT has_schema_privilege($1, 'CREATE')", &[&schema]).await? {
        return Ok(());
    }
    let text = format!("{table} is not there, and there is no privilege to create it: GRANT CREATE ON SCHEMA {}", ident(schema));
    Err(Error::new(Kind::Auth, text))
}

async fn ask(client: &Client, sql: &str, texts: &[&&str]) -> Result<bool> {
    let params = texts.iter().map(|text| *text as &(dyn tokio_postgres::types::ToSql + Sync)).collect::<Vec<_>>();
    let answer = client.query_one(sql, &params).await.and_then(|row| row.try_get(0));
    answer.map_err(|e| from_pg(e, "look at privileges"))
}
