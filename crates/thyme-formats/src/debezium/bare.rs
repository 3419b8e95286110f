//! Values without a schema: what the column is decides, and where that is not enough the options do.
use thyme_core::arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use thyme_core::field_type;

use super::how::How;
use super::members::{Members, To};
use super::options::{DecimalText, Options};
use crate::logical::Meaning;

const DECIMAL: &str = "a decimal as text may be digits or base64: say which by the option `decimals`";
const TIME: &str = "a time as a number may be in milli-, micro- or nanoseconds: say which by the option `times`";
const TIMESTAMP: &str =
    "a timestamp as a number may be in milli-, micro- or nanoseconds: say which by the dataset's `timestamp_unit`";
const INTERVAL: &str = "an interval as a number may be in micro- or nanoseconds: say which by the option `intervals`";

/// How a row without a schema is read into the columns of `declared`; `places` are those that count.
pub(super) fn row(declared: &Schema, options: &Options, places: Option<&[usize]>) -> Members {
    let fields = declared.fields().iter().enumerate().filter(|(place, _)| places.is_none_or(|places| places.contains(place)));
    let columns = fields.map(|(place, field)| (field.name().clone(), To::Column(place, how(field, options))));
    let mut members: Vec<_> = columns.collect();
    for (name, to) in [("__op", To::Op), ("__deleted", To::Deleted)] {
        if declared.index_of(name).is_err() {
            members.push((name.to_owned(), to));
        }
    }
    Members::new(members)
}

fn how(field: &Field, options: &Options) -> How {
    let token = |text: How, number: How, other: How| How::Token(Box::new([text, number, other]));
    let unit = |unit: Option<TimeUnit>, meaning: fn(TimeUnit) -> Meaning, why| match unit {
        Some(unit) => How::Int(meaning(unit)),
        None => How::Ambiguous(why),
    };
    let text = || How::Text(Meaning::Text);
    match field.data_type() {
        _ if field_type::is(field, field_type::JSON) => token(text(), How::Plain, How::Plain),
        DataType::Utf8 => token(How::Plain, How::Plain, How::Variable),
        DataType::Binary => How::Base64(Meaning::Bytes),
        DataType::Float32 | DataType::Float64 => How::Float,
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            let written = match options.decimals {
                Some(DecimalText::Base64) => How::Base64(Meaning::Decimal(i32::from(*scale))),
                Some(DecimalText::Digits) => text(),
                None => How::Ambiguous(DECIMAL),
            };
            token(written, How::Plain, How::Variable)
        }
        DataType::Date32 => token(text(), How::Int(Meaning::Date), How::Plain),
        DataType::Time64(_) => token(text(), unit(options.times, Meaning::Time, TIME), How::Plain),
        DataType::Timestamp(_, zone) => {
            let written = if zone.is_some() { Meaning::Text } else { Meaning::LocalText };
            token(How::Text(written), unit(options.timestamps, Meaning::DebeziumStamp, TIMESTAMP), How::Plain)
        }
        DataType::Interval(_) => token(text(), unit(options.intervals, Meaning::Duration, INTERVAL), How::Plain),
        DataType::FixedSizeBinary(_) => text(),
        DataType::List(item) => How::List(Box::new(how(item, options))),
        DataType::Struct(fields) => How::Struct(inner(fields, options)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) => pair.get(1).map_or(How::Plain, |value| How::Map(Box::new(how(value, options)))),
            _ => How::Plain,
        },
        _ => How::Plain,
    }
}

fn inner(fields: &Fields, options: &Options) -> Members {
    let column = |(place, field): (usize, &std::sync::Arc<Field>)| (field.name().clone(), To::Column(place, how(field, options)));
    Members::new(fields.iter().enumerate().map(column).collect())
}
