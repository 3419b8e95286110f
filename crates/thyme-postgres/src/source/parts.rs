//! A first read in parts, side by side: ranges by a column's values, since an update moves a row to another page.
use thyme_core::{Error, Kind, Result};

use super::place::Range;
use super::relation::{Relation, orders};
use crate::catalog::Column;
use crate::client::Client;
use crate::error::from_pg;
use crate::quote::ident;

/// Rows of a sample that the ranges are cut by.
const SAMPLE: f64 = 30_000.0;

/// `parts` ranges of `column` with about as many rows each, and one for the rows without a value.
pub(super) async fn cut(client: &Client, relation: &Relation, column: &Column, parts: u32) -> Result<Vec<Range>> {
    orders(column, "the partition column")?;
    let name = ident(&column.name);
    let fractions = (1..parts).map(|part| (f64::from(part) / f64::from(parts)).to_string()).collect::<Vec<_>>().join(",");
    let sampled = match relation.estimated_rows.filter(|_| relation.sampled) {
        Some(rows) if rows as f64 > SAMPLE * 2.0 => {
            format!(" TABLESAMPLE SYSTEM ({}) REPEATABLE (0)", (100.0 * SAMPLE / rows as f64).max(0.01))
        }
        _ => String::new(),
    };
    let filter = relation.filter.as_ref().map_or_else(String::new, |filter| format!(" WHERE {filter}"));
    let sql = format!(
        "SELECT u::pg_catalog.text FROM (SELECT DISTINCT pg_catalog.unnest(percentile_disc(ARRAY[{fractions}]::pg_catalog.float8[]) \
         WITHIN GROUP (ORDER BY {name})) AS u FROM {}{sampled}{filter}) AS cuts WHERE u IS NOT NULL ORDER BY cuts.u",
        relation.from
    );
    let found = client.simple_query(&sql).await.map_err(|e| from_pg(e, "cut the partition column into ranges"))?;
    let cuts = found.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    let cuts: Vec<String> = cuts.collect();
    let lower = std::iter::once(None).chain(cuts.iter().cloned().map(Some));
    let upper = cuts.iter().cloned().map(Some).chain([None]);
    let mut ranges: Vec<Range> = lower.zip(upper).map(|(from, to)| Range::Part { from, to }).collect();
    if !column.not_null {
        ranges.push(Range::NoPart);
    }
    Ok(ranges)
}

/// The column and the number of parts, where a first read is to be cut.
pub(super) fn wanted<'a>(relation: &'a Relation, column: Option<&str>, parts: Option<u32>) -> Result<Option<(&'a Column, u32)>> {
    match (column, parts) {
        (Some(column), Some(parts)) if parts > 1 => Ok(Some((relation.column(column)?, parts))),
        (None, Some(parts)) if parts > 1 => {
            let first = relation.primary_key.first();
            let error = || Error::new(Kind::Config, "`num_partitions` needs a `partition_column`: there is no primary key");
            Ok(Some((relation.column(first.ok_or_else(error)?)?, parts)))
        }
        (Some(_), None) => Err(Error::new(Kind::Config, "`partition_column` needs `num_partitions`")),
        _ => Ok(None),
    }
}
