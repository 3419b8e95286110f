//! TOML, whose parser knows the place of every key.
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Document, Syntax, join};

pub(super) fn parse(text: &str) -> Result<Document, Syntax> {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let line = |at: usize| starts.partition_point(|start| *start <= at);
    let table = DeTable::parse(text).map_err(|e| (e.span().map(|span| line(span.start)), e.message().to_owned()))?;
    let mut document = Document::default();
    document.value = entries(table.get_ref(), "", &mut |place, at| {
        document.lines.insert(place, line(at));
    });
    Ok(document)
}

fn entries(table: &DeTable<'_>, place: &str, note: &mut impl FnMut(String, usize)) -> Value {
    let mut sorted: Vec<_> = table.iter().collect();
    sorted.sort_by_key(|(key, _)| key.span().start);
    let mut entries = Map::new();
    for (key, value) in sorted {
        let at = join(place, key.get_ref());
        note(at.clone(), key.span().start);
        entries.insert(key.get_ref().to_string(), plain(value, &at, note));
    }
    Value::Object(entries)
}

fn plain(value: &Spanned<DeValue<'_>>, place: &str, note: &mut impl FnMut(String, usize)) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| Value::from(number.as_str()), Value::from)
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            parsed.map_or_else(|| Value::from(number.as_str()), Value::Number)
        }
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (i, item) in items.iter().enumerate() {
                let at = format!("{place}[{i}]");
                note(at.clone(), item.span().start);
                list.push(plain(item, &at, note));
            }
            Value::Array(list)
        }
        DeValue::Table(table) => entries(table, place, note),
    }
}
