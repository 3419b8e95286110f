//! What makes reading a table slow, or exact only under conditions.
use thyme_core::{Advice, Job, Result};
use tokio_postgres::SimpleQueryMessage;

use super::key::Order;
use super::relation::Relation;
use super::{PostgresSource, examine, lookback, session};
use crate::catalog::{Column, Index};
use crate::client::Client;
use crate::error::from_pg;
use crate::quote::{ident, literal};
use crate::types::PgType;

impl PostgresSource {
    /// What the operator should know about reading for `job`.
    pub(super) async fn advice(&self, job: &Job) -> Result<Vec<Advice>> {
        let connection = self.connection()?;
        let client = session::reading(&connection).await?;
        let found = Relation::find(&client, &self.config, &connection).await?;
        let (cursor, order) = self.order(&mut found.clone(), job)?;
        let mut advice: Vec<Advice> = order_of(&found, &order).into_iter().collect();
        let Some(cursor) = cursor else { return Ok(advice) };
        let lookback = self.config.lookback.as_deref();
        lookback.map(|text| lookback::distance(&cursor, text)).transpose()?;
        examine::can_tell(&client, &found, lookback.is_some()).await?;
        advice.extend(index(&found, &cursor, &order));
        advice.extend(collation(&order));
        advice.extend(sequences(&client, &found, &cursor, lookback).await?);
        Ok(advice)
    }
}

/// Whether what orders the rows tells all of them apart. Of a query or a view nobody knows.
fn order_of(relation: &Relation, order: &Order) -> Option<Advice> {
    let known = |name: &String| order.columns.iter().any(|column| column.name == *name);
    let apart = |index: &Index| index.unique && !index.partial && index.columns.iter().all(|c| c.as_ref().is_some_and(known));
    let indexes = relation.indexes.as_ref()?;
    if order.columns.is_empty() || order.columns.iter().any(Relation::stands_in) || indexes.iter().any(apart) {
        return None;
    }
    Some(Advice {
        message: format!("no unique index is on {}: rows that agree in it are not told apart, and may be lost", names(order)),
        remedy: "set `tie_breaker` to columns that are unique together, such as the primary key".to_owned(),
    })
}

fn index(relation: &Relation, cursor: &Column, order: &Order) -> Option<Advice> {
    let leads = |index: &Index| !index.partial && index.columns.first().is_some_and(|first| first.as_ref() == Some(&cursor.name));
    if relation.indexes.as_ref()?.iter().any(leads) {
        return None;
    }
    let own = order.columns.iter().filter(|column| !Relation::stands_in(column));
    let columns = own.map(|column| ident(&column.name)).collect::<Vec<_>>().join(", ");
    Some(Advice {
        message: format!("no index begins with `{}`: every poll looks at the whole table", cursor.name),
        remedy: format!("CREATE INDEX ON {} ({columns})", relation.table.as_deref()?),
    })
}

/// Text that is put in order by rules of a language.
fn collation(order: &Order) -> Option<Advice> {
    let column = order.columns.iter().find(|column| column.ty == PgType::Text && !column.bytewise)?;
    Some(Advice {
        message: format!(
            "`{}` is put in order by a collation other than C, which an update of the system may change",
            column.name
        ),
        remedy: "give the column COLLATE \"C\", or read by another one; begin anew after such an update".to_owned(),
    })
}

/// Sequences with CACHE > 1 that fill a column: its own, and those that its default names.
async fn sequences(client: &Client, relation: &Relation, cursor: &Column, lookback: Option<&str>) -> Result<Vec<Advice>> {
    let Some(table) = &relation.table else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT s.seqrelid::pg_catalog.regclass::pg_catalog.text, s.seqcache::pg_catalog.text FROM pg_catalog.pg_sequence s \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = {}::pg_catalog.regclass AND a.attname = {} \
         WHERE s.seqcache > 1 AND EXISTS (SELECT FROM pg_catalog.pg_depend d LEFT JOIN pg_catalog.pg_attrdef f \
            ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = d.objid \
            WHERE (d.objid = s.seqrelid AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum) \
               OR (d.refobjid = s.seqrelid AND f.adrelid = a.attrelid AND f.adnum = a.attnum))",
        literal(table),
        literal(&cursor.name)
    );
    let found = client.simple_query(&sql).await.map_err(|e| from_pg(e, "look at the cursor column's sequence"))?;
    let rows = found.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.parse::<u64>().ok()?)),
        _ => None,
    });
    let wide = |cache: u64| lookback.and_then(|text| text.trim().parse::<u64>().ok()).is_some_and(|numbers| numbers >= cache);
    let advice = rows.filter(|(_, cache)| !wide(*cache)).map(|(sequence, cache)| Advice {
        message: format!(
            "the sequence {sequence} hands out {cache} numbers in advance to each session (CACHE): rows come late by as many, \
             and are lost"
        ),
        remedy: format!("ALTER SEQUENCE {sequence} CACHE 1, or set `lookback` to as many numbers as all sessions may hold"),
    });
    Ok(advice.collect())
}

fn names(order: &Order) -> String {
    order.columns.iter().map(|column| format!("`{}`", column.name)).collect::<Vec<_>>().join(", ")
}
