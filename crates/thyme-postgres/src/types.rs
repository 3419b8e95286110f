//! Types of PostgreSQL and of Arrow, both ways.
//!
//! | PostgreSQL | Arrow |
//! |---|---|
//! | `boolean` | `Boolean` |
//! | `smallint`, `integer`, `bigint`, `oid` | `Int16`, `Int32`, `Int64`, `UInt32` |
//! | `real`, `double precision` | `Float32`, `Float64` |
//! | `numeric(p,s)` | `Decimal128(p,s)` up to 38 digits, `Decimal256(p,s)` up to 76, else `Utf8`; `NaN` is refused |
//! | `numeric` | `Utf8` with every digit, `NaN`, `Infinity`; or `Float64` |
//! | `text`, `varchar`, `char`, `name`, `citext`, `xml`, enums | `Utf8` |
//! | `json`, `jsonb` | `Utf8` as `arrow.json` |
//! | `bytea`, `uuid` | `Binary`, `FixedSizeBinary(16)` as `arrow.uuid` |
//! | `date` | `Date32`; `±infinity` are the largest and smallest value |
//! | `timestamp`, `timestamptz` | `Timestamp(µs)`, `Timestamp(µs, "+00:00")`; `±infinity` as above; after 294247-01-10 refused |
//! | `time`, `timetz` | `Time64(µs)` (`24:00` is refused), `Utf8` |
//! | `interval` | `Interval(MonthDayNano)`; `±infinity` and more than 292 years of hours are refused |
//! | `inet`, `cidr` | `Utf8` |
//! | arrays | `List`, nested as deep as the dataset says; other shapes and other lower bounds than 1 are refused |
//! | domains | as what they are made of |
//! | everything else | `Utf8`, as the server prints it; read only |
mod ddl;
mod field;
mod read;

pub use ddl::ddl;
pub use field::field;
pub use read::{select, wire};

/// A type of the server as far as its binary form goes: domains are their base, enums are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PgType {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `oid`
    Oid,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric`, with precision and scale where they are declared
    Numeric(Option<(u16, i16)>),
    /// Whatever is its own text in binary: `text`, `varchar`, `char(n)`, `name`, `citext`, `xml`, enums
    Text,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `bytea`
    Bytea,
    /// `uuid`
    Uuid,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `time with time zone`
    TimeTz,
    /// `timestamp`
    Timestamp,
    /// `timestamp with time zone`
    TimestampTz,
    /// `interval`
    Interval,
    /// `inet`
    Inet,
    /// `cidr`
    Cidr,
    /// An array of any number of dimensions: what is in it, and the OID of that
    Array(Box<PgType>, u32),
    /// Anything else: ranges, composites, geometry, `hstore` …
    Other,
}

impl PgType {
    /// A type of `pg_catalog` by OID, `typmod` being what it was declared with.
    pub fn built_in(oid: u32, typmod: i32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            19 | 25 | 142 | 1042 | 1043 => Self::Text,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            26 => Self::Oid,
            114 => Self::Json,
            650 => Self::Cidr,
            700 => Self::Float4,
            701 => Self::Float8,
            869 => Self::Inet,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            1186 => Self::Interval,
            1266 => Self::TimeTz,
            1700 => Self::Numeric(declared(typmod)),
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => return None,
        })
    }
}

/// Precision and scale in the modifier of a `numeric`: 16 bits and, since version 15, 11 signed bits.
fn declared(typmod: i32) -> Option<(u16, i16)> {
    let packed = u32::try_from(typmod.checked_sub(4)?).ok()?;
    let scale = ((packed & 0x7ff) as i16 ^ 1024) - 1024;
    Some(((packed >> 16) as u16, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_of_numeric() {
        for (precision, scale) in [(38u16, 10i16), (1, 0), (1000, 1000), (2, -3), (3, 5), (1000, -1000)] {
            let typmod = (i32::from(precision) << 16 | i32::from(scale) & 0x7ff) + 4;
            assert_eq!(PgType::built_in(1700, typmod), Some(PgType::Numeric(Some((precision, scale)))));
        }
        assert_eq!(PgType::built_in(1700, -1), Some(PgType::Numeric(None)));
        assert_eq!(PgType::built_in(600, -1), None);
    }
}
