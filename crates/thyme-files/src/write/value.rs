//! Values as the names of folders.
use jiff::{Timestamp, ToSpan, civil};
use thyme_core::arrow::array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use thyme_core::arrow::datatypes::{DataType, TimeUnit};

use crate::names;

/// What Hive calls NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The text of a row's value, or why it has none.
pub(super) type Text<'a> = Box<dyn Fn(usize) -> Result<String, String> + Send + Sync + 'a>;

/// Gives each value its text; `None` for a type that makes no folders.
pub(super) fn text(column: &ArrayRef) -> Option<Text<'_>> {
    macro_rules! shown {
        ($array:expr) => {{
            let array = $array;
            Box::new(move |row| Ok(array.value(row).to_string()))
        }};
    }
    Some(match column.data_type() {
        DataType::Utf8 => shown!(column.as_string_opt::<i32>()?),
        DataType::Boolean => shown!(column.as_boolean_opt()?),
        DataType::Int8 => shown!(column.as_primitive_opt::<Int8Type>()?),
        DataType::Int16 => shown!(column.as_primitive_opt::<Int16Type>()?),
        DataType::Int32 => shown!(column.as_primitive_opt::<Int32Type>()?),
        DataType::Int64 => shown!(column.as_primitive_opt::<Int64Type>()?),
        DataType::UInt8 => shown!(column.as_primitive_opt::<UInt8Type>()?),
        DataType::UInt16 => shown!(column.as_primitive_opt::<UInt16Type>()?),
        DataType::UInt32 => shown!(column.as_primitive_opt::<UInt32Type>()?),
        DataType::UInt64 => shown!(column.as_primitive_opt::<UInt64Type>()?),
        DataType::Decimal128(..) => {
            let array = column.as_primitive_opt::<Decimal128Type>()?;
            Box::new(move |row| Ok(array.value_as_string(row)))
        }
        DataType::Date32 => {
            let array = column.as_primitive_opt::<Date32Type>()?;
            Box::new(move |row| {
                let date = civil::date(1970, 1, 1).checked_add(i64::from(array.value(row)).days());
                date.map(|date| date.to_string()).map_err(|_| "the date is beyond the year 9999".to_owned())
            })
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let (array, zoned) = (column.as_primitive_opt::<TimestampMicrosecondType>()?, zone.is_some());
            Box::new(move |row| moment(Timestamp::from_microsecond(array.value(row)), zoned))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let (array, zoned) = (column.as_primitive_opt::<TimestampNanosecondType>()?, zone.is_some());
            Box::new(move |row| moment(Timestamp::from_nanosecond(i128::from(array.value(row))), zoned))
        }
        _ => return None,
    })
}

/// The folder of a value: `%XX` for what a file name or a URL can't hold. No text is taken for NULL.
pub(super) fn folder(column: &ArrayRef, row: usize, text: &Text<'_>) -> Result<String, String> {
    if column.is_null(row) {
        return Ok(NULL.to_owned());
    }
    let escaped = names::escape_but(&text(row)?, "_-. +");
    Ok(if escaped == NULL { escaped.replacen('_', "%5F", 1) } else { escaped })
}

fn moment(moment: Result<Timestamp, jiff::Error>, zoned: bool) -> Result<String, String> {
    let moment = moment.map_err(|_| "the moment is beyond the year 9999".to_owned())?.to_string();
    Ok(if zoned { moment } else { moment.trim_end_matches('Z').to_owned() })
}
