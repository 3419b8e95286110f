//! What is read: a table or a query, its columns, and the columns that order its rows.
use thyme_core::{Error, Kind, Result};

use crate::catalog::{Column, Index, TableKind, describe_query, describe_table};
use crate::client::Client;
use crate::config::{Connection, PostgresSourceConfig};
use crate::error::from_pg;
use crate::quote::{ident, literal};
use crate::types::PgType;

/// The names of the columns that stand in for a tie-breaker; no catalog has them.
const HASH: &str = "thyme: hash of the row";
const COPY: &str = "thyme: which of the rows that are the same";

/// A table or a query as it was found now.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// What stands after `FROM`.
    pub(super) from: String,
    /// What all rows fulfil.
    pub(super) filter: Option<String>,
    pub(super) columns: Vec<Column>,
    /// Empty without one, and for queries.
    pub(super) primary_key: Vec<String>,
    /// `None` for what has no indexes of its own here: queries, views, foreign tables.
    pub(super) indexes: Option<Vec<Index>>,
    /// As of the last `ANALYZE`; `None` where nobody knows.
    pub(super) estimated_rows: Option<i64>,
    /// A plain table, which can be sampled.
    pub(super) sampled: bool,
    /// `"schema"."name"`; `None` for a query.
    pub(super) table: Option<String>,
}

/// What is read, without reaching it: for messages and as part of the source's identity.
pub(super) fn name(config: &PostgresSourceConfig, connection: &Connection) -> String {
    match (&config.table, &config.query) {
        (Some(table), _) => format!("{}.{table}", connection.schema),
        (None, Some(query)) => format!("query {}", query.split_whitespace().collect::<Vec<_>>().join(" ")),
        (None, None) => "nothing".to_owned(),
    }
}

impl Relation {
    /// Looks it up.
    pub(super) async fn find(client: &Client, config: &PostgresSourceConfig, connection: &Connection) -> Result<Self> {
        let filter = config.filter.as_ref().map(|filter| format!("({filter}\n)"));
        let mut relation = match (&config.table, &config.query) {
            (Some(name), None) => {
                let table = describe_table(client, &connection.schema, name).await?;
                let kept = matches!(table.kind, TableKind::Table | TableKind::MaterializedView | TableKind::Partitioned);
                Self {
                    from: format!("{} AS \"r\"", table.sql()),
                    filter,
                    table: Some(table.sql()),
                    indexes: kept.then_some(table.indexes),
                    estimated_rows: Some(table.estimated_rows).filter(|rows| *rows >= 0),
                    sampled: kept,
                    columns: table.columns,
                    primary_key: table.primary_key,
                }
            }
            (None, Some(query)) => {
                let query = query.trim().trim_end_matches(';');
                Self {
                    from: format!("({query}\n) AS \"r\""),
                    filter,
                    columns: describe_query(client, query).await?,
                    primary_key: Vec::new(),
                    indexes: None,
                    estimated_rows: None,
                    sampled: false,
                    table: None,
                }
            }
            _ => return Err(Error::new(Kind::Config, "a source reads a `table` or a `query`: set one of them")),
        };
        for name in &config.columns {
            relation.column(name)?;
        }
        if !config.columns.is_empty() {
            // What is not asked for is not there, except to put the rows in order.
            relation.columns.sort_by_key(|column| !config.columns.contains(&column.name));
        }
        Ok(relation)
    }

    /// The column `name`, or which one may have been meant.
    pub(super) fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let near = thyme_core::nearest(name, self.columns.iter().map(|column| column.name.as_str()));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Error::new(Kind::NotFound, format!("there is no column `{name}`{near}"))
        })
    }

    /// Columns that tell rows apart: those given, else the primary key.
    pub(super) fn tie_breaker(&self, given: &[String]) -> Result<Vec<Column>> {
        let names = if given.is_empty() { &self.primary_key } else { given };
        let columns = names.iter().map(|name| self.column(name).cloned()).collect::<Result<Vec<_>>>()?;
        columns.iter().try_for_each(|column| orders(column, "the tie-breaker"))?;
        Ok(columns)
    }

    /// Rows that agree in `cursor` are told apart by a hash of the whole row, and those that agree in all by their number.
    pub(super) fn with_hashes(&mut self, cursor: &str) -> Vec<Column> {
        let (hash, copy, cursor) = (ident(HASH), ident(COPY), ident(cursor));
        let filter = self.filter.take().map_or_else(String::new, |filter| format!(" WHERE {filter}"));
        self.from = format!(
            "(SELECT *, pg_catalog.row_number() OVER (PARTITION BY {cursor}, {hash}) AS {copy} FROM \
             (SELECT \"r\".*, pg_catalog.hashtextextended(\"r\"::pg_catalog.text, 0) AS {hash} FROM {}{filter}) AS \"h\") AS \"r\"",
            self.from
        );
        self.sampled = false;
        [HASH, COPY]
            .map(|name| Column {
                not_null: true,
                sql_type: "\"pg_catalog\".\"int8\"".to_owned(),
                ..Column::new(name, PgType::Int8)
            })
            .to_vec()
    }

    /// Whether a column stands in for a tie-breaker.
    pub(super) fn stands_in(column: &Column) -> bool {
        [HASH, COPY].contains(&column.name.as_str())
    }

    /// `FROM … WHERE …` with these conditions and the filter.
    pub(super) fn rows(&self, conditions: impl IntoIterator<Item = String>) -> String {
        let all = conditions.into_iter().chain(self.filter.clone()).collect::<Vec<_>>().join(" AND ");
        if all.is_empty() { format!("FROM {}", self.from) } else { format!("FROM {} WHERE {all}", self.from) }
    }

    /// Whether any row has NULL in a column.
    pub(super) async fn any_null(&self, client: &Client, column: &Column) -> Result<bool> {
        let rows = self.rows([format!("{} IS NULL", named(&column.name))]);
        let found = client.simple_query(&format!("SELECT 1 {rows} LIMIT 1")).await;
        let found = found.map_err(|e| from_pg(e, "look for rows without a cursor value"))?;
        Ok(found.iter().any(|message| matches!(message, tokio_postgres::SimpleQueryMessage::Row(_))))
    }
}

/// Whether rows can be put in order by a column, once and for all.
pub(super) fn orders(column: &Column, what: &str) -> Result<()> {
    match column.ty {
        PgType::Float4 | PgType::Float8 => Err(Error::new(
            Kind::Config,
            format!("{what} `{}` is a {}: floats do not keep an order that can be gone on from", column.name, column.type_name),
        )),
        PgType::Json | PgType::Array(..) | PgType::Other => {
            let text = format!("{what} `{}` is a {}, which rows can't be put in order by", column.name, column.type_name);
            Err(Error::new(Kind::Config, text))
        }
        _ => Ok(()),
    }
}

/// A column of the relation, whatever the list of `SELECT` makes of it.
pub(super) fn named(column: &str) -> String {
    format!("\"r\".{}", ident(column))
}

/// A stored value as SQL of the column's type.
pub(super) fn value(column: &Column, text: &str) -> String {
    format!("{}::{}", literal(text), column.sql_type)
}
