//! The names that Kafka Connect and Debezium give to what a value means.
use thyme_core::arrow::datatypes::TimeUnit;

use super::Meaning;

/// The schema name of a decimal that brings its scale along with each value.
pub(crate) const VARIABLE_DECIMAL: &str = "io.debezium.data.VariableScaleDecimal";

/// What values of a schema called `name` mean; `None`: no more than their type says. `scale` is a parameter of the schema.
pub(crate) fn meaning(name: &str, scale: Option<i32>) -> Option<Meaning> {
    Some(match name {
        "org.apache.kafka.connect.data.Decimal" => Meaning::Decimal(scale.unwrap_or(0)),
        "org.apache.kafka.connect.data.Date" | "io.debezium.time.Date" => Meaning::Date,
        "org.apache.kafka.connect.data.Time" | "io.debezium.time.Time" => Meaning::Time(TimeUnit::Millisecond),
        "io.debezium.time.MicroTime" => Meaning::Time(TimeUnit::Microsecond),
        "io.debezium.time.NanoTime" => Meaning::Time(TimeUnit::Nanosecond),
        "org.apache.kafka.connect.data.Timestamp" => Meaning::Stamp(TimeUnit::Millisecond),
        "io.debezium.time.Timestamp" => Meaning::DebeziumStamp(TimeUnit::Millisecond),
        "io.debezium.time.MicroTimestamp" => Meaning::DebeziumStamp(TimeUnit::Microsecond),
        "io.debezium.time.NanoTimestamp" => Meaning::DebeziumStamp(TimeUnit::Nanosecond),
        "io.debezium.time.IsoTimestamp" => Meaning::LocalText,
        "io.debezium.time.ZonedTimestamp"
        | "io.debezium.time.ZonedTime"
        | "io.debezium.time.IsoDate"
        | "io.debezium.time.IsoTime"
        | "io.debezium.time.Interval" => Meaning::Text,
        "io.debezium.time.MicroDuration" => Meaning::Duration(TimeUnit::Microsecond),
        "io.debezium.time.NanoDuration" => Meaning::Duration(TimeUnit::Nanosecond),
        _ => return None,
    })
}

/// The type, as the pipeline file writes it, of values of a schema called `name`; `None`: what their plain type says.
/// `precision` is a parameter that PostgreSQL's connector adds.
pub(crate) fn type_word(name: &str, scale: Option<i32>, precision: Option<u32>) -> Option<String> {
    Some(match name {
        "org.apache.kafka.connect.data.Decimal" => return decimal_word(precision, scale.unwrap_or(0)),
        VARIABLE_DECIMAL => "string".into(),
        "org.apache.kafka.connect.data.Date" | "io.debezium.time.Date" | "io.debezium.time.IsoDate" => "date".into(),
        "org.apache.kafka.connect.data.Time"
        | "io.debezium.time.Time"
        | "io.debezium.time.MicroTime"
        | "io.debezium.time.NanoTime"
        | "io.debezium.time.ZonedTime"
        | "io.debezium.time.IsoTime" => "time".into(),
        "org.apache.kafka.connect.data.Timestamp" | "io.debezium.time.ZonedTimestamp" => "timestamp".into(),
        "io.debezium.time.Timestamp" | "io.debezium.time.MicroTimestamp" | "io.debezium.time.IsoTimestamp" => {
            "timestamp_ntz".into()
        }
        "io.debezium.time.NanoTimestamp" => "timestamp_ns".into(),
        "io.debezium.time.MicroDuration" | "io.debezium.time.NanoDuration" | "io.debezium.time.Interval" => "interval".into(),
        "io.debezium.data.Uuid" => "uuid".into(),
        "io.debezium.data.Json" => "json".into(),
        _ => return None,
    })
}

/// The word of a decimal column; text where the precision is not known to fit.
pub(crate) fn decimal_word(precision: Option<u32>, scale: i32) -> Option<String> {
    let precision = precision.unwrap_or(38);
    let fits = (1..=76).contains(&precision) && (0..=precision as i32).contains(&scale);
    Some(if fits { format!("decimal({precision},{scale})") } else { "string".into() })
}
