//! What a type of the server is made of: domains, arrays, enums.
use std::collections::HashMap;

use thyme_core::Result;

use crate::client::Client;
use crate::error::from_pg;
use crate::quote::qualified;
use crate::types::PgType;

/// Domains over arrays over domains …
const DEPTH: usize = 16;

/// Types by OID, with all that they are made of.
#[derive(Debug, Default)]
pub(super) struct Types(HashMap<u32, Type>);

#[derive(Debug)]
struct Type {
    schema: String,
    name: String,
    /// How `pg_catalog` spells it, without a modifier.
    kind: String,
    array: bool,
    element: u32,
    base: u32,
    base_typmod: i32,
    not_null: bool,
}

impl Types {
    /// Looks up `oids` and what they are made of.
    pub(super) async fn load(client: &Client, oids: impl Iterator<Item = u32>) -> Result<Self> {
        const SQL: &str = "WITH RECURSIVE t(oid) AS ( \
                SELECT * FROM pg_catalog.unnest($1::pg_catalog.oid[]) \
                UNION SELECT CASE WHEN p.typtype = 'd' THEN p.typbasetype ELSE p.typelem END \
                FROM t JOIN pg_catalog.pg_type p ON p.oid = t.oid WHERE p.typbasetype <> 0 OR p.typelem <> 0) \
            SELECT p.oid, n.nspname::text, p.typname::text, p.typtype::text, p.typcategory = 'A' AND p.typlen = -1, \
                p.typelem, p.typbasetype, p.typtypmod, p.typnotnull \
            FROM t JOIN pg_catalog.pg_type p ON p.oid = t.oid JOIN pg_catalog.pg_namespace n ON n.oid = p.typnamespace";
        let oids: Vec<u32> = oids.collect();
        let rows = client.query(SQL, &[&oids]).await.map_err(|e| from_pg(e, "look up the types"))?;
        let one = |row: &tokio_postgres::Row| -> Result<(u32, Type), tokio_postgres::Error> {
            let ty = Type {
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
                kind: row.try_get(3)?,
                array: row.try_get(4)?,
                element: row.try_get(5)?,
                base: row.try_get(6)?,
                base_typmod: row.try_get(7)?,
                not_null: row.try_get(8)?,
            };
            Ok((row.try_get(0)?, ty))
        };
        let types = rows.iter().map(|row| one(row).map_err(|e| from_pg(e, "look up the types")));
        Ok(Self(types.collect::<Result<_>>()?))
    }

    /// What values of the type look like in binary.
    pub(super) fn resolve(&self, oid: u32, typmod: i32) -> PgType {
        self.resolve_within(oid, typmod, DEPTH)
    }

    fn resolve_within(&self, oid: u32, typmod: i32, depth: usize) -> PgType {
        if let Some(ty) = PgType::built_in(oid, typmod) {
            return ty;
        }
        let Some(ty) = self.0.get(&oid).filter(|_| depth > 0) else { return PgType::Other };
        match ty.kind.as_str() {
            // The modifier of a column of a domain stands with the domain.
            "d" => self.resolve_within(ty.base, ty.base_typmod, depth - 1),
            "e" => PgType::Text,
            "b" if ty.array => PgType::Array(Box::new(self.resolve_within(ty.element, typmod, depth - 1)), ty.element),
            "b" if ty.name == "citext" => PgType::Text,
            _ => PgType::Other,
        }
    }

    /// The type as SQL that means the same whatever the search path.
    pub(super) fn sql(&self, oid: u32, typmod: i32) -> String {
        let Some(ty) = self.0.get(&oid) else { return "unknown".to_owned() };
        let element = self.0.get(&ty.element).filter(|_| ty.array);
        let (named, brackets) = element.map_or((ty, ""), |element| (element, "[]"));
        let modifier = match PgType::built_in(if element.is_some() { ty.element } else { oid }, typmod) {
            Some(PgType::Numeric(Some((precision, scale)))) => format!("({precision},{scale})"),
            _ => String::new(),
        };
        format!("{}{modifier}{brackets}", qualified(&named.schema, &named.name))
    }

    /// Whether a domain, or one that it is made of, allows no NULL.
    pub(super) fn not_null(&self, oid: u32) -> bool {
        let mut next = self.0.get(&oid).filter(|ty| ty.kind == "d");
        for _ in 0..DEPTH {
            match next {
                Some(ty) if ty.not_null => return true,
                Some(ty) => next = self.0.get(&ty.base).filter(|ty| ty.kind == "d"),
                None => return false,
            }
        }
        false
    }
}
