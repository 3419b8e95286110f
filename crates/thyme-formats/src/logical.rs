//! What a value means by the schema it came with, and how it goes into a column: exactly, or not at all.
pub(crate) mod connect;
mod decimal;
mod put;

use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use thyme_core::field_type;

pub(crate) use decimal::{Unscaled, text as decimal_text, twos_complement, unscaled};
pub(crate) use put::{boolean, bytes, decimal, float, int, text};

/// What a value of a foreign schema means. How it was written (a number, a string, bytes) goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Bool,
    Int,
    Float,
    /// Text; for other columns than those of text the text of their value.
    Text,
    /// Text of a local time, whose zone, always UTC, says nothing.
    LocalText,
    Bytes,
    /// A big-endian two's complement number, to be divided by ten to this.
    Decimal(i32),
    /// Days since 1970-01-01.
    Date,
    /// Since midnight.
    Time(TimeUnit),
    /// Since 1970-01-01T00:00:00.
    Stamp(TimeUnit),
    /// The same from Debezium, which has numbers of its own for the infinities.
    DebeziumStamp(TimeUnit),
    /// A length of time.
    Duration(TimeUnit),
    /// Twelve bytes: months, days, milliseconds.
    AvroDuration,
}

impl Meaning {
    /// Whether such a value can go into a column of `field`, though one value or the other may turn out not to fit.
    pub(crate) fn fits(self, field: &Field) -> bool {
        let data_type = field.data_type();
        let (json, uuid) = (field_type::is(field, field_type::JSON), field_type::is(field, field_type::UUID));
        let decimal = matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
        if json {
            return !matches!(self, Self::Bytes | Self::Decimal(_) | Self::AvroDuration);
        }
        match self {
            Self::Bool => matches!(data_type, DataType::Boolean),
            Self::Int => data_type.is_integer() || data_type.is_floating() || decimal,
            Self::Float => matches!(data_type, DataType::Float32 | DataType::Float64),
            Self::Text | Self::LocalText => {
                uuid || decimal
                    || matches!(
                        data_type,
                        DataType::Utf8
                            | DataType::Date32
                            | DataType::Time64(_)
                            | DataType::Timestamp(..)
                            | DataType::Interval(IntervalUnit::MonthDayNano)
                    )
            }
            Self::Bytes => uuid || matches!(data_type, DataType::Binary),
            Self::Decimal(_) => decimal || data_type.is_integer() || matches!(data_type, DataType::Utf8),
            Self::Date => matches!(data_type, DataType::Date32 | DataType::Int32 | DataType::Int64),
            Self::Time(_) => matches!(data_type, DataType::Time64(_) | DataType::Int64),
            Self::Stamp(_) | Self::DebeziumStamp(_) => matches!(data_type, DataType::Timestamp(..) | DataType::Int64),
            Self::Duration(_) => matches!(data_type, DataType::Interval(_) | DataType::Int64),
            Self::AvroDuration => matches!(data_type, DataType::Interval(_)),
        }
    }
}
