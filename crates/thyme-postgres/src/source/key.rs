//! Places in the order of the rows.
use serde::{Deserialize, Serialize};
use thyme_core::Result;
use tokio_postgres::SimpleQueryMessage;

use super::relation::{Relation, named, value};
use crate::catalog::Column;
use crate::client::Client;
use crate::error::from_pg;

/// The values of the ordering columns at a place, as the server prints them: every digit, the zone. May be shorter than the
/// columns: then it is the end of all rows that begin so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Key(pub(super) Vec<String>);

/// The columns that order the rows.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) columns: Vec<Column>,
}

impl Order {
    /// Without a column that stands before it already.
    pub(super) fn new(first: Option<Column>, rest: Vec<Column>) -> Self {
        let mut columns: Vec<Column> = first.into_iter().collect();
        for column in rest {
            if !columns.iter().any(|known| known.name == column.name) {
                columns.push(column);
            }
        }
        Self { columns }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// `ORDER BY …`, or nothing.
    pub(super) fn by(&self) -> String {
        if self.columns.is_empty() { String::new() } else { format!(" ORDER BY {}", self.list("")) }
    }

    /// `"a", "b"`, each with a word after it.
    fn list(&self, word: &str) -> String {
        self.columns.iter().map(|column| format!("{}{word}", named(&column.name))).collect::<Vec<_>>().join(", ")
    }

    /// Rows after `key`.
    pub(super) fn after(&self, key: &Key) -> String {
        self.compare(">", key)
    }

    /// Rows up to `key`.
    pub(super) fn upto(&self, key: &Key) -> String {
        self.compare("<=", key)
    }

    fn compare(&self, how: &str, key: &Key) -> String {
        let pairs = || self.columns.iter().zip(&key.0);
        let names = pairs().map(|(column, _)| named(&column.name)).collect::<Vec<_>>().join(", ");
        let values = pairs().map(|(column, text)| value(column, text)).collect::<Vec<_>>().join(", ");
        format!("({names}) {how} ({values})")
    }

    /// The last place there is among the rows with these conditions. Rows without a cursor value have none.
    pub(super) async fn last(&self, client: &Client, relation: &Relation, conditions: Vec<String>) -> Result<Option<Key>> {
        let set = self.columns.iter().map(|column| format!("{} IS NOT NULL", named(&column.name)));
        let rows = relation.rows(set.chain(conditions));
        let texts = self.list("::pg_catalog.text");
        let sql = format!("SELECT {texts} {rows} ORDER BY {} LIMIT 1", self.list(" DESC"));
        let found = client.simple_query(&sql).await.map_err(|e| from_pg(e, "look for the last row"))?;
        let row = found.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(row.map(|row| Key((0..self.columns.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())))
    }
}
