//! The columns of a table or a query.
use thyme_core::Result;

use super::resolve::Types;
use crate::client::Client;
use crate::error::from_pg;
use crate::types::PgType;

/// A column of a table or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as in the catalog.
    pub name: String,
    /// What it holds; a domain is what it is made of.
    pub ty: PgType,
    /// Its type as people write it: `bigint`, `character varying(20)`, `shop.state`.
    pub type_name: String,
    /// Its type as SQL that means the same whatever the search path: `"pg_catalog"."numeric"(12,2)`, `"shop"."state"`.
    pub sql_type: String,
    /// Declared `NOT NULL`, itself or by its domain. Never known of a query.
    pub not_null: bool,
    /// Computed by the server: it can't be written.
    pub generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`: written only by `COPY`, or with `OVERRIDING SYSTEM VALUE`.
    pub identity_always: bool,
    /// Has a default, an identity or a sequence: it may be left out.
    pub has_default: bool,
    /// Compared byte by byte: not a text, or one with collation `C`, `POSIX` or `C.UTF-8`.
    pub bytewise: bool,
}

impl Column {
    /// A nullable column about which nothing else is known.
    pub fn new(name: impl Into<String>, ty: PgType) -> Self {
        let type_name = format!("{ty:?}").to_lowercase();
        Self {
            name: name.into(),
            ty,
            sql_type: type_name.clone(),
            type_name,
            not_null: false,
            generated: false,
            identity_always: false,
            has_default: false,
            bytewise: true,
        }
    }
}

/// The columns of `sql`, a `SELECT`, without running it.
///
/// # Errors
/// `Config` or `NotFound` for SQL that the server refuses.
pub async fn describe_query(client: &Client, sql: &str) -> Result<Vec<Column>> {
    let statement = client.prepare(sql).await.map_err(|e| from_pg(e, "prepare the query"))?;
    let types = Types::load(client, statement.columns().iter().map(|column| column.type_().oid())).await?;
    let columns = statement.columns().iter().map(|column| {
        let (oid, typmod) = (column.type_().oid(), column.type_modifier());
        let ty = types.resolve(oid, typmod);
        let bytewise = ty != PgType::Text;
        let sql_type = types.sql(oid, typmod);
        Column { type_name: sql_type.replace("\"pg_catalog\".", ""), sql_type, bytewise, ..Column::new(column.name(), ty) }
    });
    Ok(columns.collect())
}

/// The columns of the relation `oid`, in their order.
pub(super) async fn of_relation(client: &Client, oid: u32) -> Result<Vec<Column>> {
    const SQL: &str = "SELECT a.attname::text, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '', \
            a.attidentity::text, a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, \
            coalesce(c.collprovider::text = 'd', false) AND d.datcollate IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8') \
                OR c.collname IN ('C', 'POSIX', 'ucs_basic', 'pg_c_utf8', 'pg_unicode_fast') OR c.oid IS NULL, \
            pg_catalog.format_type(a.atttypid, a.atttypmod) \
        FROM pg_catalog.pg_attribute a \
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
        LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation \
        JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database() \
        WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let rows = client.query(SQL, &[&oid]).await.map_err(|e| from_pg(e, "look up the columns"))?;
    let types = Types::load(client, rows.iter().map(|row| row.get::<_, u32>(1))).await?;
    let column = |row: &tokio_postgres::Row| -> Result<Column, tokio_postgres::Error> {
        let (oid, typmod) = (row.try_get(1)?, row.try_get(2)?);
        let identity: String = row.try_get(5)?;
        Ok(Column {
            name: row.try_get(0)?,
            ty: types.resolve(oid, typmod),
            type_name: row.try_get(8)?,
            sql_type: types.sql(oid, typmod),
            not_null: row.try_get::<_, bool>(3)? || types.not_null(oid),
            generated: row.try_get(4)?,
            identity_always: identity == "a",
            has_default: row.try_get(6)?,
            bytewise: row.try_get::<_, Option<bool>>(7)?.unwrap_or_default(),
        })
    };
    rows.iter().map(|row| column(row).map_err(|e| from_pg(e, "look up the columns"))).collect()
}
