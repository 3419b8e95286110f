//! How a column is read as a field that the dataset names.
use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use thyme_core::field_type::{self, JSON, UUID};
use thyme_core::{Error, Kind, Result};

use super::{PgType, field};
use crate::catalog::Column;
use crate::config::NumericAs;
use crate::quote::ident;

/// What the server sends for a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The type on the wire.
    pub ty: PgType,
    /// The SQL type that the server casts the column to, if it is not sent as it is.
    pub cast: Option<String>,
}

/// The column in a list of `SELECT`, cast if need be: `"amount"`, `"n"::bigint AS "n"`.
///
/// # Errors
/// As [`wire`].
pub fn select(column: &Column, field: &Field) -> Result<String> {
    let name = ident(&column.name);
    Ok(match wire(column, field)?.cast {
        Some(cast) => format!("{name}::{cast} AS {name}"),
        None => name,
    })
}

/// How `column` is sent so that it can be read as `field`. Nothing is rounded or cut; what can't be exact is refused here, or
/// row by row.
///
/// # Errors
/// `Schema` where the column can't be read as the field.
pub fn wire(column: &Column, wanted: &Field) -> Result<Wire> {
    match convert(&column.ty, wanted) {
        Some((ty, cast)) => Ok(Wire { ty, cast }),
        None => {
            let own = field_type::name(&field(column, NumericAs::String).with_nullable(true));
            let wanted = field_type::name(&wanted.clone().with_nullable(true));
            let text = format!(
                "the column `{}` of type {} cannot be read as {wanted}: declare it as {own} or string",
                column.name, column.type_name
            );
            Err(Error::new(Kind::Schema, text))
        }
    }
}

fn convert(ty: &PgType, wanted: &Field) -> Option<(PgType, Option<String>)> {
    use DataType as A;
    use PgType as P;
    let as_is = || Some((ty.clone(), None));
    let cast = |ty: P, sql: &str| Some((ty, Some(sql.to_owned())));
    match (ty, wanted.data_type()) {
        // What is decoded as it is sent.
        (P::Bool, A::Boolean)
        | (P::Int2, A::Int16)
        | (P::Int4, A::Int32)
        | (P::Int8, A::Int64)
        | (P::Oid, A::UInt32)
        | (P::Float4, A::Float32)
        | (P::Float8, A::Float64)
        | (P::Numeric(_), A::Decimal128(..) | A::Decimal256(..))
        | (P::Json | P::Jsonb, A::Utf8)
        | (P::Bytea, A::Binary)
        | (P::Date, A::Date32)
        | (P::Time, A::Time64(TimeUnit::Microsecond))
        | (P::Timestamp | P::TimestampTz, A::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _))
        | (P::Interval, A::Interval(IntervalUnit::MonthDayNano)) => as_is(),
        (P::Uuid, A::FixedSizeBinary(16)) if field_type::is(wanted, UUID) => as_is(),
        (_, A::Utf8) if field_type::is(wanted, JSON) => None,
        (P::Text | P::Numeric(_) | P::TimeTz | P::Inet | P::Cidr, A::Utf8) => as_is(),
        // Wider, never narrower.
        (P::Int2, A::Int32) => cast(P::Int4, "pg_catalog.int4"),
        (P::Int2 | P::Int4 | P::Oid, A::Int64) => cast(P::Int8, "pg_catalog.int8"),
        (P::Int2 | P::Int4 | P::Float4 | P::Numeric(_), A::Float64) => cast(P::Float8, "pg_catalog.float8"),
        (P::Numeric(Some((p @ 1..=18, s))), A::Int64) if *s <= 0 && i32::from(*p) - i32::from(*s) <= 18 => {
            cast(P::Int8, "pg_catalog.int8")
        }
        (P::Int2 | P::Int4 | P::Int8, A::Decimal128(p, s) | A::Decimal256(p, s))
            if i16::from(*p) - i16::from(*s) >= digits(ty) =>
        {
            cast(P::Numeric(None), "pg_catalog.numeric")
        }
        (P::Array(element, oid), A::List(item)) => {
            let leaf = leaf(item);
            let (ty, cast) = convert(element, leaf)?;
            let cast = cast.map(|sql| format!("{sql}[]"));
            Some((P::Array(Box::new(ty), *oid), cast))
        }
        // As the server prints it.
        (_, A::Utf8) => cast(P::Text, "pg_catalog.text"),
        _ => None,
    }
}

/// What is in the innermost list.
fn leaf(field: &Field) -> &Field {
    match field.data_type() {
        DataType::List(item) => leaf(item),
        _ => field,
    }
}

fn digits(ty: &PgType) -> i16 {
    match ty {
        PgType::Int2 => 5,
        PgType::Int4 => 10,
        _ => 19,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(ty: PgType, word: &str) -> Result<String> {
        select(&Column::new("a b", ty), &field_type::parse("a b", word).unwrap())
    }

    #[test]
    fn casts_where_the_dataset_says_otherwise() {
        let array = |ty| PgType::Array(Box::new(ty), 0);
        for (ty, word, expected) in [
            (PgType::Int4, "int32", "\"a b\""),
            (PgType::Int4, "int64!", "\"a b\"::pg_catalog.int8 AS \"a b\""),
            (PgType::Int4, "string", "\"a b\"::pg_catalog.text AS \"a b\""),
            (PgType::Int8, "decimal(19,0)", "\"a b\"::pg_catalog.numeric AS \"a b\""),
            (PgType::Numeric(None), "string", "\"a b\""),
            (PgType::Numeric(None), "decimal(12,2)", "\"a b\""),
            (PgType::Numeric(None), "float64", "\"a b\"::pg_catalog.float8 AS \"a b\""),
            (PgType::Numeric(Some((10, 0))), "int64", "\"a b\"::pg_catalog.int8 AS \"a b\""),
            (PgType::Uuid, "string", "\"a b\"::pg_catalog.text AS \"a b\""),
            (PgType::Other, "string", "\"a b\"::pg_catalog.text AS \"a b\""),
            (array(PgType::Other), "list<string>", "\"a b\"::pg_catalog.text[] AS \"a b\""),
            (array(PgType::Int4), "list<list<int64>>", "\"a b\"::pg_catalog.int8[] AS \"a b\""),
            (array(PgType::Int4), "string", "\"a b\"::pg_catalog.text AS \"a b\""),
            (PgType::Timestamp, "timestamp", "\"a b\""),
            (PgType::TimestampTz, "timestamp_ns", "\"a b\""),
        ] {
            assert_eq!(sql(ty.clone(), word).unwrap(), expected, "{ty:?} as {word}");
        }
    }

    #[test]
    fn what_would_lose_something_is_refused() {
        for (ty, word) in [
            (PgType::Int8, "int32"),
            (PgType::Int8, "float64"),
            (PgType::Int8, "decimal(18,0)"),
            (PgType::Float8, "float32"),
            (PgType::Numeric(None), "int64"),
            (PgType::Numeric(Some((19, 0))), "int64"),
            (PgType::Text, "json"),
            (PgType::Text, "uuid"),
            (PgType::Date, "timestamp"),
            (PgType::Int4, "list<int32>"),
        ] {
            let error = sql(ty.clone(), word).unwrap_err();
            assert_eq!(error.kind(), Kind::Schema, "{ty:?} as {word}");
        }
        let error = sql(PgType::Int8, "int32").unwrap_err();
        assert_eq!(error.message(), "the column `a b` of type int8 cannot be read as int32: declare it as int64 or string");
    }
}
