//! How far back each poll looks again.
use thyme_core::{Error, Kind, Result, duration};
use tokio_postgres::SimpleQueryMessage;

use super::place::Again;
use super::relation::value;
use crate::catalog::Column;
use crate::client::Client;
use crate::error::from_pg;
use crate::types::PgType;

/// What is taken from a cursor value, as SQL.
pub(super) fn distance(column: &Column, text: &str) -> Result<String> {
    let seconds = || {
        let time = duration::parse(text)
            .map_err(|e| Error::new(Kind::Config, "`lookback` is not a duration, and the cursor column holds times").source(e))?;
        Ok::<u64, Error>(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    };
    match column.ty {
        PgType::Timestamp | PgType::TimestampTz => Ok(format!("{} * interval '1 millisecond'", seconds()?)),
        PgType::Date => Ok(format!("{}", seconds()?.div_ceil(86_400_000))),
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid | PgType::Numeric(_) => {
            let number = text.trim();
            let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
            let error = || Error::new(Kind::Config, "`lookback` is not a whole number, and the cursor column holds numbers");
            if plain { Ok(number.to_owned()) } else { Err(error().context("lookback", text)) }
        }
        _ => {
            let text = format!("`lookback` needs a cursor column of times or numbers, not {}", column.type_name);
            Err(Error::new(Kind::Config, text))
        }
    }
}

/// The windows of a poll from `after` to `bound`.
pub(super) async fn windows(client: &Client, column: &Column, distance: &str, after: Option<&str>, bound: &str) -> Result<Again> {
    let from = match after {
        Some(after) => Some(before(client, column, distance, after).await?),
        None => None,
    };
    Ok(Again { from, keep: before(client, column, distance, bound).await? })
}

/// The value that lies so far below another. Near the lowest value of the type it is that value itself.
async fn before(client: &Client, column: &Column, distance: &str, text: &str) -> Result<String> {
    // In numeric arithmetic, so that nothing below the type's range is an error.
    let sql = match column.ty {
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid => {
            let lowest = match column.ty {
                PgType::Int2 => "-32768",
                PgType::Int4 => "-2147483648",
                PgType::Int8 => "-9223372036854775808",
                _ => "0",
            };
            format!("SELECT greatest({}::pg_catalog.numeric - {distance}, {lowest})::pg_catalog.text", value(column, text))
        }
        _ => format!("SELECT ({} - {distance})::pg_catalog.text", value(column, text)),
    };
    let found = client.simple_query(&sql).await.map_err(|e| from_pg(e, "look back from the last cursor value"))?;
    let row = found.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    row.ok_or_else(|| Error::new(Kind::Unexpected, "a cursor value has none before it").context("value", text))
}
