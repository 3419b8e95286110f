//! What envelopes do not say of themselves.
use schemars::JsonSchema;
use serde::Deserialize;
use thyme_core::arrow::datatypes::TimeUnit;
use thyme_formats::debezium::{DecimalText, Options};

/// How Debezium was told to write what its envelopes do not say where they come without a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Debezium {
    /// What a text stands for where a decimal is wanted: `base64` (`decimal.handling.mode=precise`, its default) or `digits`
    /// (`string`).
    pub decimals: Option<DecimalForm>,

    /// What a number counts where a time of day is wanted; of a timestamp the dataset's `timestamp_unit` says it.
    pub times: Option<Ticks>,

    /// What a number counts where an interval is wanted.
    pub intervals: Option<Ticks>,

    /// What stands for a value that the database did not send, where it is not Debezium's own word for it
    /// (`unavailable.value.placeholder`).
    #[schemars(extend("minLength" = 1))]
    pub unavailable: Option<String>,
}

/// How decimals are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecimalForm {
    /// Base64 of the unscaled number's bytes.
    Base64,
    /// Digits.
    Digits,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ticks {
    /// ms.
    Milliseconds,
    /// µs.
    Microseconds,
    /// ns.
    Nanoseconds,
}

impl Debezium {
    /// As the decoder takes it.
    pub(crate) fn options(&self) -> Options {
        let unit = |ticks: Ticks| match ticks {
            Ticks::Milliseconds => TimeUnit::Millisecond,
            Ticks::Microseconds => TimeUnit::Microsecond,
            Ticks::Nanoseconds => TimeUnit::Nanosecond,
        };
        let usual = Options::default();
        Options {
            decimals: self.decimals.map(|form| match form {
                DecimalForm::Base64 => DecimalText::Base64,
                DecimalForm::Digits => DecimalText::Digits,
            }),
            times: self.times.map(unit),
            intervals: self.intervals.map(unit),
            unavailable: self.unavailable.as_ref().map_or(usual.unavailable.clone(), |text| text.clone().into_bytes()),
            ..usual
        }
    }
}
