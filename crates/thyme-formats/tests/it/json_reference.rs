//! What a column must hold for a record, by serde_json and the standard library alone.
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int64Type, UInt8Type};
use thyme_core::arrow::array::{Array, ArrayRef};
use thyme_core::arrow::datatypes::{DataType, Field, Schema};

/// What becomes of a value.
pub(crate) enum Verdict {
    /// It reads like this by [`shown`].
    Is(String),
    /// It does not fit the type.
    Unfit,
}

/// A verdict for each field of the record.
pub(crate) fn record(line: &[u8], schema: &Schema) -> Vec<Verdict> {
    let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(line) else { return vec![Verdict::Unfit] };
    schema.fields().iter().map(|field| member(&members, field).map_or(Verdict::Unfit, Verdict::Is)).collect()
}

fn member(members: &BTreeMap<String, &RawValue>, field: &Field) -> Option<String> {
    members.get(field.name()).map_or(Some("null".into()), |raw| value(raw.get(), field))
}

fn value(raw: &str, field: &Field) -> Option<String> {
    if raw == "null" {
        return Some("null".into());
    }
    match field.data_type() {
        DataType::Int64 => whole(raw).and_then(|v| i64::try_from(v).ok()).map(|v| v.to_string()),
        DataType::UInt8 => whole(raw).and_then(|v| u8::try_from(v).ok()).map(|v| v.to_string()),
        DataType::Float64 => number(raw).map(|v| format!("{:x}", v.to_bits())),
        DataType::Float32 => {
            number(raw)?;
            raw.parse::<f32>().ok().filter(|v| v.is_finite()).map(|v| format!("{:x}", v.to_bits()))
        }
        DataType::Boolean => matches!(raw, "true" | "false").then(|| raw.to_owned()),
        DataType::Utf8 if !field.metadata().is_empty() => Some(compact(raw)),
        DataType::Utf8 => serde_json::from_str::<String>(raw).ok().map(|text| format!("{text:?}")),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            let text = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
            // White space may stand around a number, but not inside quotes.
            serde_json::from_str::<&RawValue>(&text).ok().filter(|number| number.get() == text)?;
            scaled(&text, usize::from(*precision), i64::from(*scale))
        }
        DataType::List(item) => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            let items = items.iter().map(|raw| value(raw.get(), item)).collect::<Option<Vec<_>>>()?;
            raw.starts_with('[').then(|| format!("[{}]", items.join(",")))
        }
        DataType::Struct(fields) => {
            let members = object(raw)?;
            let fields = fields.iter().map(|field| member(&members, field)).collect::<Option<Vec<_>>>()?;
            Some(format!("{{{}}}", fields.join(",")))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { return None };
            // Sorted by key, as serde_json sorts them.
            let entries = object(raw)?.into_iter().map(|(key, raw)| Some(format!("{key:?}:{}", value(raw.get(), &pair[1])?)));
            Some(format!("{{{}}}", entries.collect::<Option<Vec<_>>>()?.join(",")))
        }
        other => panic!("no reference for {other}"),
    }
}

fn object(raw: &str) -> Option<BTreeMap<String, &RawValue>> {
    raw.starts_with('{').then(|| serde_json::from_str(raw).ok()).flatten()
}

fn number(raw: &str) -> Option<f64> {
    if !raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return None;
    }
    raw.parse::<f64>().ok().filter(|value| value.is_finite())
}

fn whole(raw: &str) -> Option<i128> {
    number(raw)?;
    scaled(raw, 30, 0)?.parse().ok()
}

/// The number times ten to the `scale`, by moving the point in its text.
fn scaled(text: &str, precision: usize, scale: i64) -> Option<String> {
    number(text)?;
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some("0".into());
    }
    let power: i64 = power.parse().unwrap_or(if power.starts_with('-') { -1_000_000 } else { 1_000_000 });
    let shift = power.clamp(-1_000_000, 1_000_000) - fraction.len() as i64 + scale;
    let digits = if shift >= 0 {
        if digits.len() as i64 + shift > 100 {
            return None;
        }
        format!("{digits}{}", "0".repeat(shift as usize))
    } else {
        let cut = digits.len().checked_sub(shift.unsigned_abs() as usize).filter(|cut| *cut > 0)?;
        digits[cut..].bytes().all(|byte| byte == b'0').then(|| digits[..cut].to_owned())?
    };
    (digits.len() <= precision).then(|| format!("{sign}{digits}"))
}

/// JSON without the white space between its tokens.
fn compact(raw: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    raw.chars()
        .filter(|c| {
            let keep = quoted || !c.is_ascii_whitespace();
            if *c == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = *c == '\\' && !escaped;
            keep
        })
        .collect::<String>()
        .pipe(|text| format!("{text:?}"))
}

trait Pipe: Sized {
    fn pipe<T>(self, f: impl FnOnce(Self) -> T) -> T {
        f(self)
    }
}

impl Pipe for String {}

/// A value of a column as text that tells any two values apart.
pub(crate) fn shown(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "null".into();
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::Float64 => format!("{:x}", array.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Float32 => format!("{:x}", array.as_primitive::<Float32Type>().value(row).to_bits()),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Utf8 => format!("{:?}", array.as_string::<i32>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value(row).to_string(),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value(row).to_string(),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items: Vec<_> = (0..items.len()).map(|i| shown(&items, i)).collect();
            format!("[{}]", items.join(","))
        }
        DataType::Struct(_) => {
            let fields: Vec<_> = array.as_struct().columns().iter().map(|column| shown(column, row)).collect();
            format!("{{{}}}", fields.join(","))
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let mut entries: Vec<_> = (0..entries.len())
                .map(|i| (entries.column(0).as_string::<i32>().value(i).to_owned(), shown(entries.column(1), i)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.into_iter().map(|(key, value)| format!("{key:?}:{value}")).collect::<Vec<_>>().join(","))
        }
        other => panic!("no reference for {other}"),
    }
}

/// Whether an object in `line`, at any level, has a key twice.
pub(crate) fn repeats_a_key(line: &[u8]) -> bool {
    serde_json::from_slice::<Unique>(line).is_err()
}

struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Unique;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
                while items.next_element::<Unique>()?.is_some() {}
                Ok(Unique)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
                let mut keys = HashSet::new();
                while let Some(key) = entries.next_key::<String>()? {
                    if !keys.insert(key) {
                        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                        return Err(A::Error::custom("a key twice"));
                    }
                    entries.next_value::<Unique>()?;
                }
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Values)
    }
}
