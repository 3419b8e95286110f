//! YAML, with the line of each value.
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use super::{Document, Syntax, join};

pub(super) fn parse(text: &str) -> Result<Document, Syntax> {
    let tree: Spanned<Tree> = serde_saphyr::from_str(text).map_err(|e| {
        let line = e.location().and_then(|at| usize::try_from(at.line()).ok());
        (line.filter(|line| *line > 0), e.to_string().lines().next().unwrap_or_default().to_owned())
    })?;
    let mut document = Document::default();
    document.value = plain(tree, "", &mut |place, line| {
        document.lines.insert(place, line);
    });
    Ok(document)
}

enum Tree {
    Plain(Value),
    List(Vec<Spanned<Tree>>),
    Table(Vec<(String, Spanned<Tree>)>),
}

fn plain(tree: Spanned<Tree>, place: &str, note: &mut impl FnMut(String, usize)) -> Value {
    if let Some(line) = usize::try_from(tree.referenced.line()).ok().filter(|line| *line > 0) {
        note(place.to_owned(), line);
    }
    match tree.value {
        Tree::Plain(value) => value,
        Tree::List(items) => {
            let each = |(i, item)| plain(item, &format!("{place}[{i}]"), note);
            Value::Array(items.into_iter().enumerate().map(each).collect())
        }
        Tree::Table(entries) => {
            let each = |(key, value): (String, _)| {
                let at = join(place, &key);
                (key, plain(value, &at, note))
            };
            Value::Object(entries.into_iter().map(each).collect::<Map<_, _>>())
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visit)
    }
}

struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Tree, E> {
        Ok(Tree::Plain(truth.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Plain(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Plain(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Plain(Number::from_f64(number).map_or_else(|| Value::from(number.to_string()), Value::Number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Plain(text.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Plain(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Plain(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut table: Vec<(String, Spanned<Tree>)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, _>()? {
            if table.iter().any(|(other, _)| *other == key) {
                return Err(A::Error::custom(format!("the key `{key}` is there twice")));
            }
            table.push((key, value));
        }
        Ok(Tree::Table(table))
    }
}
