//! A value of a column as the server would print it, so that it can be compared with there again.
use std::fmt::Write as _;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::*;
use thyme_core::arrow::array::{Array, ArrowPrimitiveType, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, TimeUnit};
use thyme_core::{Error, Kind, Result};

use super::key::Key;

const DAY: i64 = 86_400_000_000;

/// The values of the last row in these columns.
pub(super) fn last(rows: &RecordBatch, columns: &[usize]) -> Result<Key> {
    let row = rows.num_rows().saturating_sub(1);
    let texts = columns.iter().map(|at| {
        let column = rows.columns().get(*at).filter(|column| column.len() > row && column.is_valid(row));
        let text = column.and_then(|column| print(column.as_ref(), row));
        text.ok_or_else(|| {
            let name = rows.schema_ref().fields().get(*at).map_or("?", |field| field.name().as_str()).to_owned();
            Error::new(Kind::Data, format!("a value of `{name}`, which orders the rows, can't be gone on from"))
                .context("remedy", "mend the row, or leave it out by `where`")
        })
    });
    Ok(Key(texts.collect::<Result<_>>()?))
}

/// Microseconds since 1970 as a `timestamp`, or with a zone.
pub(super) fn timestamp(micros: i64, zone: bool) -> String {
    let zone = if zone { "+00" } else { "" };
    date(micros.div_euclid(DAY), &format!(" {}{zone}", time(micros.rem_euclid(DAY))))
}

fn print(column: &dyn Array, row: usize) -> Option<String> {
    fn number<T: ArrowPrimitiveType<Native: ToString>>(column: &dyn Array, row: usize) -> Option<String> {
        Some(column.as_primitive_opt::<T>()?.value(row).to_string())
    }
    match column.data_type() {
        DataType::Int16 => number::<Int16Type>(column, row),
        DataType::Int32 => number::<Int32Type>(column, row),
        DataType::Int64 => number::<Int64Type>(column, row),
        DataType::UInt32 => number::<UInt32Type>(column, row),
        DataType::Utf8 => Some(column.as_string_opt::<i32>()?.value(row).to_owned()),
        DataType::Boolean => Some(column.as_boolean_opt()?.value(row).to_string()),
        DataType::Decimal128(..) => Some(column.as_primitive_opt::<Decimal128Type>()?.value_as_string(row)),
        DataType::Decimal256(..) => Some(column.as_primitive_opt::<Decimal256Type>()?.value_as_string(row)),
        DataType::FixedSizeBinary(_) => Some(hex(column.as_fixed_size_binary_opt()?.value(row))),
        DataType::Binary => Some(format!("\\x{}", hex(column.as_binary_opt::<i32>()?.value(row)))),
        DataType::Date32 => match column.as_primitive_opt::<Date32Type>()?.value(row) {
            i32::MAX => Some("infinity".to_owned()),
            i32::MIN => Some("-infinity".to_owned()),
            days => Some(date(i64::from(days), "")),
        },
        DataType::Time64(TimeUnit::Microsecond) => Some(time(column.as_primitive_opt::<Time64MicrosecondType>()?.value(row))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            match column.as_primitive_opt::<TimestampMicrosecondType>()?.value(row) {
                i64::MAX => Some("infinity".to_owned()),
                i64::MIN => Some("-infinity".to_owned()),
                micros => Some(timestamp(micros, zone.is_some())),
            }
        }
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `13:05:00.000001`
fn time(micros: i64) -> String {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if micros == 0 { text } else { format!("{text}.{micros:06}") }
}

/// A day counted from 1970, with what follows it. Years before the first are called `BC`, after all the rest.
fn date(days: i64, rest: &str) -> String {
    // Days since 1 March of the year 0, in eras of 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}{rest}"),
        _ => format!("{:04}-{month:02}-{day:02}{rest} BC", 1 - year),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (20_778, "2026-11-21"),
            (-719_162, "0001-01-01"),
            (-719_163, "0001-12-31 BC"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "10000-01-01"),
            (106_751_991, "294247-01-10"),
            (-2_440_588, "4714-11-24 BC"),
        ] {
            assert_eq!(date(days, ""), expected);
        }
        assert_eq!(time(1), "00:00:00.000001");
        assert_eq!(time(DAY - 1), "23:59:59.999999");
        assert_eq!(date(-719_163, " 00:00:00+00"), "0001-12-31 00:00:00+00 BC");
    }
}
