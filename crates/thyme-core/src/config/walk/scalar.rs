//! Texts, numbers and the words of enumerations.
use serde_json::{Number, Value};

use super::super::schema::Node;
use super::{Problem, Walk};

/// Formats and encodings that come with a later release: refused by name, not as a typing mistake.
const LATER: &[&str] = &["avro", "arrow", "protobuf"];

impl Walk<'_> {
    pub(super) fn word(&mut self, node: &Node<'_>, words: &[&Value], value: Value, place: &str) -> Value {
        if words.contains(&&value) {
            return value;
        }
        let known = words.iter().filter_map(|word| word.as_str());
        match &value {
            Value::String(text) if LATER.contains(&text.as_str()) => {
                self.problems.push(Problem::new(place, format!("`{text}` is not part of this release")).help(listed(known)));
            }
            Value::String(_) if node.secret() => self.problems.push(Problem::new(place, "unknown value").help(listed(known))),
            Value::String(text) => {
                let near = crate::nearest(text, known.clone());
                let help = near.map_or_else(|| listed(known), |near| format!("did you mean `{near}`?"));
                self.problems.push(Problem::new(place, format!("unknown value {text:?}")).help(help));
            }
            other => {
                let message = format!("expected one of {}, found {}", listed(known).trim_start_matches("one of "), found(other));
                self.problems.push(Problem::new(place, message));
            }
        }
        value
    }

    pub(super) fn text(&mut self, node: &Node<'_>, text: String, place: &str, required: bool) -> Value {
        let least = node.get("minLength").and_then(Value::as_u64).unwrap_or(u64::from(required));
        if text.is_empty() && least > 0 {
            self.problems.push(Problem::new(place, "must not be empty"));
            return Value::String(text);
        }
        let checked = match node.format() {
            Some("duration") => crate::duration::parse(&text).map(drop),
            Some("size") => crate::duration::parse_size(&text).map(drop),
            _ => Ok(()),
        };
        if let Err(e) = checked {
            self.problems.push(Problem::of(place, &e));
        }
        match self.context.folder {
            Some(folder) if node.flag("x-path") && text != "-" && !text.contains("://") => {
                Value::String(folder.join(&text).to_string_lossy().into_owned())
            }
            _ => Value::String(text),
        }
    }

    pub(super) fn number(&mut self, node: &Node<'_>, number: &Number, place: &str) {
        let (low, high) = bounds(node);
        let float = number.as_f64().unwrap_or_default();
        let whole = number.as_i128();
        let below = low.as_ref().is_some_and(|low| less(whole, float, low));
        let above = high.as_ref().is_some_and(|high| less(high.as_i128(), high.as_f64().unwrap_or(f64::MAX), number));
        if below || above {
            let range = match (low, high) {
                (Some(low), Some(high)) => format!("from {low} to {high}"),
                (Some(low), None) => format!("at least {low}"),
                (None, Some(high)) => format!("at most {high}"),
                (None, None) => return,
            };
            self.problems.push(Problem::new(place, format!("{number} is out of range: {range}")));
        }
    }
}

/// Whether the first number (whole where it can be) is less than the second.
fn less(whole: Option<i128>, float: f64, other: &Number) -> bool {
    match (whole, other.as_i128()) {
        (Some(a), Some(b)) => a < b,
        _ => float < other.as_f64().unwrap_or(f64::MAX),
    }
}

/// The least and the greatest value, from the schema or from the width of its integer.
fn bounds(node: &Node<'_>) -> (Option<Number>, Option<Number>) {
    let given = |word| match node.get(word) {
        Some(Value::Number(number)) => Some(whole(number)),
        _ => None,
    };
    let width = match node.format() {
        Some("uint8") => (Some(0.into()), Some(u8::MAX.into())),
        Some("uint16") => (Some(0.into()), Some(u16::MAX.into())),
        Some("uint32") => (Some(0.into()), Some(u32::MAX.into())),
        Some("uint64" | "uint") => (Some(0.into()), None),
        Some("int8") => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        Some("int16") => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        Some("int32") => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        _ => (None, None),
    };
    (given("minimum").or(width.0), given("maximum").or(width.1))
}

/// `1.0` as `1`: derived schemas write the bounds of integers as floats.
fn whole(number: &Number) -> Number {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => Number::from(float as i64),
        _ => number.clone(),
    }
}

/// Another accepted value, as the one that is meant.
pub(super) fn alias(node: &Node<'_>, value: Value) -> Value {
    let Some(aliases) = node.get("x-value-aliases") else { return value };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    aliases.get(&text).cloned().unwrap_or(value)
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("one of {}", words.collect::<Vec<_>>().join(", "))
}

pub(super) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn found(value: &Value) -> &'static str {
    in_words(json_type(value))
}

pub(super) fn in_words(json: &str) -> &'static str {
    match json {
        "boolean" => "true or false",
        "integer" => "an integer",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "a table",
        _ => "nothing",
    }
}
