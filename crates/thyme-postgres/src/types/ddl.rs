//! The SQL type that a field is created as.
use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use thyme_core::field_type::{self, JSON, UUID};
use thyme_core::{Error, Kind, Result};

/// The type of the column that holds every value of `field`: `bigint`, `numeric(12,2)`, `text[]`.
///
/// # Errors
/// `Unsupported` for structs, maps, and types without a counterpart.
pub fn ddl(field: &Field) -> Result<String> {
    Ok(match field.data_type() {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::UInt64 => "numeric(20,0)",
        DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => return Ok(format!("numeric({p},{s})")),
        DataType::Utf8 | DataType::LargeUtf8 if field_type::is(field, JSON) => "jsonb",
        DataType::Utf8 | DataType::LargeUtf8 => "text",
        DataType::FixedSizeBinary(16) if field_type::is(field, UUID) => "uuid",
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 => "date",
        DataType::Time64(TimeUnit::Microsecond) => "time",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Interval(IntervalUnit::MonthDayNano) => "interval",
        // An array has one type however many dimensions it has.
        DataType::List(item) if matches!(item.data_type(), DataType::List(_)) => return ddl(item),
        DataType::List(item) => return Ok(format!("{}[]", ddl(item)?)),
        _ => {
            let text =
                format!("the column `{}` is of type {}, which a table has no type for", field.name(), field_type::name(field));
            return Err(Error::new(Kind::Unsupported, text));
        }
    }
    .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_a_pipeline_file_but_maps_and_structs() {
        for (word, expected) in [
            ("string", "text"),
            ("bytes", "bytea"),
            ("bool", "boolean"),
            ("int8", "smallint"),
            ("uint64", "numeric(20,0)"),
            ("decimal(38,10)", "numeric(38,10)"),
            ("timestamp", "timestamp with time zone"),
            ("timestamp_ntz", "timestamp"),
            ("json", "jsonb"),
            ("uuid", "uuid"),
            ("list<list<int64>>", "bigint[]"),
            ("interval", "interval"),
        ] {
            assert_eq!(ddl(&field_type::parse("x", word).unwrap()).unwrap(), expected, "{word}");
        }
        let error = ddl(&field_type::parse("x", "map<string,int64>").unwrap()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
    }
}
