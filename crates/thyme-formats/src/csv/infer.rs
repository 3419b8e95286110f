//! What the columns of a file look like.
use thyme_core::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use thyme_core::{Error, Kind, Result};

use super::field::{self, End, Marks};
use super::{CsvOptions, header};
use crate::text::{date, float, integer, timestamp};

/// The columns of the file that begins with `sample`, all nullable: int64, float64, bool (`true` and `false`), date, timestamp
/// where every value of a column is one, else string. Numbers with zeros in front (`007`) or with a plus are strings, and so are
/// whole numbers that neither 64 bits nor a double hold; a column without values is a string. Without a header the columns are
/// `column_1`, `column_2`, ….
///
/// A last record without a line end is left out, because the sample may end within it, unless there is no other.
///
/// # Errors
/// No record at all, a header that cannot be read, or one that names a column twice.
pub fn infer(sample: &[u8], options: &CsvOptions) -> Result<Schema> {
    options.check()?;
    let from = header::bom(sample, true).unwrap_or(0);
    let Some((first, after)) = header::names(sample, from, true, options)? else {
        return Err(Error::new(Kind::Data, "the sample ends within the first record"));
    };
    if first.is_empty() {
        return Err(Error::new(Kind::Data, "the csv file is empty: its columns are unknown"));
    }
    let (names, records) =
        if options.header { (first, after) } else { ((1..=first.len()).map(|i| format!("column_{i}")).collect(), from) };
    if let Some(name) = names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name)) {
        return Err(Error::new(Kind::Schema, format!("the csv header has `{name}` twice")));
    }
    let types = types(&names, sample.get(records..).unwrap_or_default(), options);
    Ok(Schema::new(names.iter().zip(types).map(|(name, t)| Field::new(name, t, true)).collect::<Vec<_>>()))
}

/// What the values of a column have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kinds {
    Unknown,
    Int,
    Float,
    Bool,
    Date,
    Timestamp,
    Text,
}

/// The type of each of the columns `names` in the records of `sample`.
pub(super) fn types(names: &[String], sample: &[u8], options: &CsvOptions) -> Vec<DataType> {
    let mut kinds = vec![Kinds::Unknown; names.len()];
    if !read(sample, false, options, &mut kinds) {
        read(sample, true, options, &mut kinds);
    }
    let of = |kind| match kind {
        Kinds::Int => DataType::Int64,
        Kinds::Float => DataType::Float64,
        Kinds::Bool => DataType::Boolean,
        Kinds::Date => DataType::Date32,
        Kinds::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        Kinds::Unknown | Kinds::Text => DataType::Utf8,
    };
    kinds.into_iter().map(of).collect()
}

/// Goes through the records; whether there was one.
fn read(sample: &[u8], last: bool, options: &CsvOptions, kinds: &mut [Kinds]) -> bool {
    let (marks, mut scratch) = (Marks::new(options), Vec::new());
    let (mut at, mut any) = (0, false);
    let mut record = Vec::with_capacity(kinds.len());
    while at < sample.len() {
        record.clear();
        let next = loop {
            let Some(field) = field::cut(sample, at, last, &marks, &mut scratch) else { return any };
            let null = !field.quoted && field.text == options.null_value.as_bytes();
            record.push(if null { Kinds::Unknown } else { kind(field.text) });
            match field.end {
                End::Delimiter => at = field.at + 1,
                End::Record(length) => break field.at + length,
            }
        };
        at = next;
        // Records of another length are bad ones and say nothing; empty lines are among them.
        if record.len() == kinds.len() {
            any = true;
            for (kind, new) in kinds.iter_mut().zip(&record) {
                *kind = both(*kind, *new);
            }
        }
    }
    any
}

fn both(a: Kinds, b: Kinds) -> Kinds {
    match (a, b) {
        (Kinds::Unknown, kind) | (kind, Kinds::Unknown) => kind,
        (a, b) if a == b => a,
        (Kinds::Int, Kinds::Float) | (Kinds::Float, Kinds::Int) => Kinds::Float,
        (Kinds::Date, Kinds::Timestamp) | (Kinds::Timestamp, Kinds::Date) => Kinds::Timestamp,
        _ => Kinds::Text,
    }
}

fn kind(text: &[u8]) -> Kinds {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        b"true" | b"false" => Kinds::Bool,
        b"NaN" => Kinds::Float,
        [b'0', b'0'..=b'9', ..] => Kinds::Text,
        [b'0'..=b'9', ..] if integer::signed(text).is_ok() => Kinds::Int,
        [b'0'..=b'9', ..] if date::parse(text).is_ok() => Kinds::Date,
        [b'0'..=b'9', ..] if timestamp::micros(text).is_ok() => Kinds::Timestamp,
        [b'0'..=b'9' | b'.', ..] if !digits.iter().all(u8::is_ascii_digit) && float::double(text).is_ok() => Kinds::Float,
        _ => Kinds::Text,
    }
}
