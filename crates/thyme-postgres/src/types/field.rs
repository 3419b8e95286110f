//! The Arrow field that a column is read as unless the dataset says otherwise.
use std::collections::HashMap;
use std::sync::Arc;

use thyme_core::arrow::datatypes::extension::{EXTENSION_TYPE_METADATA_KEY, EXTENSION_TYPE_NAME_KEY};
use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use thyme_core::field_type::{self, JSON, UUID};

use super::PgType;
use crate::catalog::Column;
use crate::config::NumericAs;

/// The field of `column`; not nullable where the catalog says so.
pub fn field(column: &Column, numeric: NumericAs) -> Field {
    let (data_type, extension) = of(&column.ty, numeric);
    extended(Field::new(&column.name, data_type, !column.not_null), extension)
}

/// The smallest decimal that holds every `numeric(precision, scale)`; `None` where Arrow has none.
fn decimal(precision: u16, scale: i16) -> Option<DataType> {
    // Arrow's scale lies between 0 and the precision: numeric(2,-3) goes to 99000, numeric(3,5) to 0.00999.
    let (precision, scale) = if scale < 0 {
        (i32::from(precision) - i32::from(scale), 0)
    } else {
        (i32::from(precision).max(i32::from(scale)), i32::from(scale))
    };
    match (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?) {
        (p @ 1..=38, s) => Some(DataType::Decimal128(p, s)),
        (p @ 39..=76, s) => Some(DataType::Decimal256(p, s)),
        _ => None,
    }
}

fn of(ty: &PgType, numeric: NumericAs) -> (DataType, Option<&'static str>) {
    let data_type = match ty {
        PgType::Bool => DataType::Boolean,
        PgType::Int2 => DataType::Int16,
        PgType::Int4 => DataType::Int32,
        PgType::Int8 => DataType::Int64,
        PgType::Oid => DataType::UInt32,
        PgType::Float4 => DataType::Float32,
        PgType::Float8 => DataType::Float64,
        PgType::Numeric(None) if numeric == NumericAs::Double => DataType::Float64,
        PgType::Numeric(None) => DataType::Utf8,
        PgType::Numeric(Some((precision, scale))) => decimal(*precision, *scale).unwrap_or(DataType::Utf8),
        PgType::Text | PgType::TimeTz | PgType::Inet | PgType::Cidr | PgType::Other => DataType::Utf8,
        PgType::Json | PgType::Jsonb => return (DataType::Utf8, Some(JSON)),
        PgType::Bytea => DataType::Binary,
        PgType::Uuid => return (DataType::FixedSizeBinary(16), Some(UUID)),
        PgType::Date => DataType::Date32,
        PgType::Time => DataType::Time64(TimeUnit::Microsecond),
        PgType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        PgType::TimestampTz => field_type::timestamp(),
        PgType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        PgType::Array(element, _) => {
            let (data_type, extension) = of(element, numeric);
            DataType::List(Arc::new(extended(Field::new_list_field(data_type, true), extension)))
        }
    };
    (data_type, None)
}

fn extended(field: Field, extension: Option<&'static str>) -> Field {
    let Some(extension) = extension else { return field };
    let mut metadata = HashMap::from([(EXTENSION_TYPE_NAME_KEY.to_owned(), extension.to_owned())]);
    if extension == JSON {
        metadata.insert(EXTENSION_TYPE_METADATA_KEY.to_owned(), String::new());
    }
    field.with_metadata(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_hold_every_value() {
        for (declared, expected) in [
            ((38, 10), Some(DataType::Decimal128(38, 10))),
            ((39, 0), Some(DataType::Decimal256(39, 0))),
            ((76, 76), Some(DataType::Decimal256(76, 76))),
            ((2, -3), Some(DataType::Decimal128(5, 0))),
            ((3, 5), Some(DataType::Decimal128(5, 5))),
            ((77, 0), None),
            ((1000, -1000), None),
            ((3, 200), None),
        ] {
            assert_eq!(decimal(declared.0, declared.1), expected, "{declared:?}");
        }
    }

    #[test]
    fn extensions_are_those_of_the_pipeline_file() {
        for (ty, word) in [(PgType::Jsonb, "json"), (PgType::Uuid, "uuid"), (PgType::TimestampTz, "timestamp")] {
            let column = Column::new("c", ty);
            assert_eq!(field(&column, NumericAs::String), field_type::parse("c", word).unwrap());
        }
    }
}
