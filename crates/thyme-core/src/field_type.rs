//! The types of the pipeline file: `int64`, `decimal(12,2)`, `list<string>`, `struct<a:int64,b:date>!` …
use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::extension::{EXTENSION_TYPE_METADATA_KEY, EXTENSION_TYPE_NAME_KEY};
use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

use crate::{Error, Kind, Result};

/// The zone of every timestamp that means an instant.
pub const UTC: &str = "+00:00";

/// The extension name of a text column that holds one JSON value a row.
pub const JSON: &str = "arrow.json";

/// The extension name of a 16-byte column that holds UUIDs.
pub const UUID: &str = "arrow.uuid";

const DEPTH: usize = 32;
const PLAIN: &[&str] = &[
    "string",
    "bytes",
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "date",
    "time",
    "timestamp",
    "timestamp_ns",
    "timestamp_ntz",
    "interval",
    "json",
    "uuid",
];

/// The field `name` of type `text`; nullable unless marked `!`.
///
/// # Errors
/// `Config` naming what was not understood and the nearest type.
pub fn parse(name: &str, text: &str) -> Result<Field> {
    let mut parser = Parser { text, at: 0 };
    let field = parser.field(name, 0)?;
    parser.blank();
    if parser.at < text.len() { Err(parser.wrong("the type ends here")) } else { Ok(field) }
}

/// The text that [`parse`] reads as this field's type, `!` included. A type without a word is shown as Arrow names it.
#[must_use]
pub fn name(field: &Field) -> String {
    let mark = if field.is_nullable() { "" } else { "!" };
    format!("{}{mark}", bare(field))
}

fn bare(field: &Field) -> String {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is(field, JSON) => "json".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes".into(),
        DataType::FixedSizeBinary(16) if is(field, UUID) => "uuid".into(),
        DataType::Boolean => "bool".into(),
        DataType::Float32 => "float32".into(),
        DataType::Float64 => "float64".into(),
        DataType::Date32 => "date".into(),
        DataType::Time64(TimeUnit::Microsecond) => "time".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp".into(),
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => "timestamp_ns".into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp_ntz".into(),
        DataType::Interval(IntervalUnit::MonthDayNano) => "interval".into(),
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => format!("decimal({p},{s})"),
        DataType::List(item) | DataType::LargeList(item) => format!("list<{}>", name(item)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!("map<{},{}>", bare(&pair[0]), name(&pair[1])),
            other => other.to_string(),
        },
        DataType::Struct(fields) => {
            let inner: Vec<_> = fields.iter().map(|f| format!("{}:{}", f.name(), name(f))).collect();
            format!("struct<{}>", inner.join(","))
        }
        other => other.to_string().to_lowercase(),
    }
}

/// Whether `field` carries the extension type `extension`.
#[must_use]
pub fn is(field: &Field, extension: &str) -> bool {
    field.metadata().get(EXTENSION_TYPE_NAME_KEY).is_some_and(|name| name == extension)
}

/// The timestamp type of the contract: UTC microseconds.
#[must_use]
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

fn extended(field: Field, extension: &str) -> Field {
    let pairs = [(EXTENSION_TYPE_NAME_KEY, extension), (EXTENSION_TYPE_METADATA_KEY, "")];
    let pairs = pairs.into_iter().filter(|(key, _)| extension == JSON || *key == EXTENSION_TYPE_NAME_KEY);
    field.with_metadata(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<HashMap<_, _>>())
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn field(&mut self, name: &str, depth: usize) -> Result<Field> {
        if depth > DEPTH {
            return Err(self.wrong(format!("types nest at most {DEPTH} deep")));
        }
        let word = self.word();
        let (data_type, extension) = match word.as_str() {
            "string" => (DataType::Utf8, None),
            "json" => (DataType::Utf8, Some(JSON)),
            "uuid" => (DataType::FixedSizeBinary(16), Some(UUID)),
            "bytes" => (DataType::Binary, None),
            "bool" => (DataType::Boolean, None),
            "int8" => (DataType::Int8, None),
            "int16" => (DataType::Int16, None),
            "int32" => (DataType::Int32, None),
            "int64" => (DataType::Int64, None),
            "uint8" => (DataType::UInt8, None),
            "uint16" => (DataType::UInt16, None),
            "uint32" => (DataType::UInt32, None),
            "uint64" => (DataType::UInt64, None),
            "float32" => (DataType::Float32, None),
            "float64" => (DataType::Float64, None),
            "date" => (DataType::Date32, None),
            "time" => (DataType::Time64(TimeUnit::Microsecond), None),
            "timestamp" => (timestamp(), None),
            "timestamp_ns" => (DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())), None),
            "timestamp_ntz" => (DataType::Timestamp(TimeUnit::Microsecond, None), None),
            "interval" => (DataType::Interval(IntervalUnit::MonthDayNano), None),
            "decimal" => (self.decimal()?, None),
            "list" => {
                self.take('<')?;
                let item = self.field(Field::LIST_FIELD_DEFAULT_NAME, depth + 1)?;
                self.take('>')?;
                (DataType::List(Arc::new(item)), None)
            }
            "map" => (self.map(depth)?, None),
            "struct" => (self.fields(depth)?, None),
            "" => return Err(self.wrong("expected a type")),
            other => {
                let nested = ["decimal(12,2)", "list<T>", "map<string,T>", "struct<name:T>"];
                let near = crate::nearest(other, PLAIN.iter().chain(&nested).copied());
                let near = near.map_or_else(|| PLAIN.join(" "), |near| format!("did you mean `{near}`?"));
                return Err(Error::new(Kind::Config, format!("unknown type `{other}`: {near}")));
            }
        };
        self.blank();
        let required = self.text[self.at..].starts_with('!');
        self.at += usize::from(required);
        let field = Field::new(name, data_type, !required);
        Ok(match extension {
            Some(extension) => extended(field, extension),
            None => field,
        })
    }

    fn decimal(&mut self) -> Result<DataType> {
        self.take('(')?;
        let precision = self.number()?;
        self.take(',')?;
        let scale = self.number()?;
        self.take(')')?;
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s)) if scale <= precision => Ok(DataType::Decimal128(p, s)),
            (Ok(p @ 39..=76), Ok(s)) if scale <= precision => Ok(DataType::Decimal256(p, s)),
            _ => Err(self.wrong("a decimal has a precision from 1 to 76 and a scale from 0 to its precision")),
        }
    }

    fn map(&mut self, depth: usize) -> Result<DataType> {
        self.take('<')?;
        let key = self.field("keys", depth + 1)?.with_nullable(false);
        self.take(',')?;
        let value = self.field("values", depth + 1)?;
        self.take('>')?;
        let entries = Field::new("entries", DataType::Struct(Fields::from(vec![key, value])), false);
        Ok(DataType::Map(Arc::new(entries), false))
    }

    fn fields(&mut self, depth: usize) -> Result<DataType> {
        self.take('<')?;
        let mut fields: Vec<FieldRef> = Vec::new();
        loop {
            let name = self.word();
            if name.is_empty() {
                return Err(self.wrong("expected the name of a field"));
            }
            if fields.iter().any(|f| *f.name() == name) {
                return Err(self.wrong(format!("the field `{name}` is there twice")));
            }
            self.take(':')?;
            fields.push(Arc::new(self.field(&name, depth + 1)?));
            self.blank();
            if self.text[self.at..].starts_with(',') {
                self.at += 1;
            } else {
                self.take('>')?;
                return Ok(DataType::Struct(fields.into()));
            }
        }
    }

    fn word(&mut self) -> String {
        self.blank();
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find(|c: char| "<>(),:!".contains(c) || c.is_whitespace()).unwrap_or(rest.len())];
        self.at += word.len();
        word.to_owned()
    }

    fn number(&mut self) -> Result<u32> {
        let word = self.word();
        word.parse().map_err(|_| self.wrong("expected a number"))
    }

    fn take(&mut self, wanted: char) -> Result<()> {
        self.blank();
        if self.text[self.at..].starts_with(wanted) {
            self.at += wanted.len_utf8();
            return Ok(());
        }
        Err(self.wrong(format!("expected `{wanted}`")))
    }

    fn blank(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::new(Kind::Config, format!("type `{}`, character {}: {what}", self.text, self.at + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_as_written() {
        let nested =
            ["decimal(12,2)", "decimal(76,38)", "list<list<string!>>", "map<string,int64!>", "struct<a:int64!,b:list<date>>!"];
        for text in PLAIN.iter().chain(&nested) {
            assert_eq!(&name(&parse("x", text).unwrap()), text);
            assert_eq!(
                name(&parse("x", &format!(" {text} ! ").replace("! !", "!")).unwrap()),
                format!("{}!", text.trim_end_matches('!'))
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, what) in [
            ("int46", "did you mean `int64`?"),
            ("decimal(12)", "expected `,`"),
            ("decimal(3,9)", "a precision from 1 to 76"),
            ("list<int64", "expected `>`"),
            ("int64 x", "the type ends here"),
            ("struct<a:int8,a:int8>", "`a` is there twice"),
            ("", "expected a type"),
            (&"list<".repeat(5000), "at most 32 deep"),
        ] {
            let error = parse("x", text).unwrap_err();
            assert!(error.message().contains(what), "{text}: {error}");
        }
    }
}
