//! The text or the bytes of one column, row by row.
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, LargeStringArray, RecordBatch, StringArray, StringViewArray,
};
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use thyme_core::{Error, Kind, Result};
use thyme_formats::encode::BadRow;
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};

use super::slots::Slots;

/// One column as the text that it has in JSON, without quotes and escapes.
#[derive(Debug)]
pub(super) struct Text {
    column: usize,
    name: String,
    /// For what is no text by itself: the column alone, under a name whose length is known.
    encoder: Option<(SchemaRef, JsonEncoder)>,
}

/// What stands before a value in an object of one column `k`.
const BEFORE: usize = "{\"k\":".len();

impl Text {
    /// The text of `column`.
    ///
    /// # Errors
    /// `Schema` for lists, maps and structs.
    pub(super) fn new(schema: &SchemaRef, column: usize) -> Result<Self> {
        let field = field(schema, column)?;
        if field.data_type().is_nested() {
            let text = format!("`{}` is a {}, which has no text of its own", field.name(), field.data_type());
            return Err(Error::new(Kind::Schema, text));
        }
        let encoder = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => None,
            _ => {
                let alone = Arc::new(Schema::new(vec![field.clone().with_name("k")]));
                let encoder = JsonEncoder::new(&alone, JsonWriteOptions::default())?;
                Some((alone, encoder))
            }
        };
        Ok(Self { column, name: field.name().clone(), encoder })
    }

    /// Adds the text of each row to `out`; a NULL has none. Returns the rows whose value has no text.
    ///
    /// # Errors
    /// `Unexpected` when the batch has other columns than the schema.
    pub(super) fn encode(&mut self, rows: &RecordBatch, out: &mut Slots) -> Result<Vec<BadRow>> {
        let array = rows.columns().get(self.column).ok_or_else(other_columns)?;
        let Some((alone, encoder)) = &mut self.encoder else {
            Raw::new(array).ok_or_else(other_columns)?.copy(out);
            return Ok(Vec::new());
        };
        let alone = RecordBatch::try_new(Arc::clone(alone), vec![Arc::clone(array)]);
        let alone = alone.map_err(|e| other_columns().source(e))?;
        let (mut json, mut ends) = (Vec::with_capacity(rows.num_rows() * 16), Vec::with_capacity(rows.num_rows()));
        let bad = encoder.encode(&alone, &mut json, Some(&mut ends))?;
        let mut begin = 0;
        for (row, end) in ends.into_iter().enumerate() {
            let value = json.get(begin..end).unwrap_or_default();
            let value = value.get(BEFORE..value.len().saturating_sub(1)).unwrap_or_default();
            let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            out.push(inner.unwrap_or(value));
            if array.is_null(row) {
                out.set_null(row);
            }
            begin = end;
        }
        let named = |bad: BadRow| BadRow { reason: bad.reason.replace("`k`", &format!("`{}`", self.name)), ..bad };
        Ok(bad.into_iter().map(named).collect())
    }
}

/// One column of text or bytes as it is.
#[derive(Debug)]
pub(super) struct Bytes {
    column: usize,
}

impl Bytes {
    /// The bytes of `column`.
    ///
    /// # Errors
    /// `Schema` for anything but strings, bytes and UUIDs.
    pub(super) fn new(schema: &SchemaRef, column: usize) -> Result<Self> {
        let field = field(schema, column)?;
        match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary | DataType::FixedSizeBinary(_) => {
                Ok(Self { column })
            }
            other => {
                let text = format!("`{}` is a {other}: only strings, bytes and uuids go out as they are", field.name());
                Err(Error::new(Kind::Schema, text))
            }
        }
    }

    /// Adds the bytes of each row to `out`; a NULL has none.
    ///
    /// # Errors
    /// `Unexpected` when the batch has other columns than the schema.
    pub(super) fn encode(&self, rows: &RecordBatch, out: &mut Slots) -> Result<()> {
        let array = rows.columns().get(self.column).ok_or_else(other_columns)?;
        Raw::new(array).ok_or_else(other_columns)?.copy(out);
        Ok(())
    }
}

enum Raw<'a> {
    Text(&'a StringArray),
    LongText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Raw<'a> {
    fn new(array: &'a ArrayRef) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => array.as_string_opt().map(Self::Text),
            DataType::LargeUtf8 => array.as_string_opt().map(Self::LongText),
            DataType::Utf8View => array.as_string_view_opt().map(Self::TextView),
            DataType::Binary => array.as_binary_opt().map(Self::Bytes),
            DataType::FixedSizeBinary(_) => array.as_fixed_size_binary_opt().map(Self::Fixed),
            _ => None,
        }
    }

    fn copy(&self, out: &mut Slots) {
        match self {
            Self::Text(array) => copy(array.iter().map(|text| text.map(str::as_bytes)), out),
            Self::LongText(array) => copy(array.iter().map(|text| text.map(str::as_bytes)), out),
            Self::TextView(array) => copy(array.iter().map(|text| text.map(str::as_bytes)), out),
            Self::Bytes(array) => copy(array.iter(), out),
            Self::Fixed(array) => copy(array.iter(), out),
        }
    }
}

fn copy<'a>(values: impl Iterator<Item = Option<&'a [u8]>>, out: &mut Slots) {
    for (row, value) in values.enumerate() {
        out.push(value.unwrap_or_default());
        if value.is_none() {
            out.set_null(row);
        }
    }
}

fn field(schema: &SchemaRef, column: usize) -> Result<&Field> {
    schema.fields().get(column).map(AsRef::as_ref).ok_or_else(other_columns)
}

pub(super) fn other_columns() -> Error {
    Error::new(Kind::Unexpected, "the batch does not have the columns that the topic was opened for")
}

#[cfg(test)]
mod tests {
    use thyme_core::arrow::array::{Float64Array, Int64Array, TimestampMicrosecondArray};
    use thyme_core::arrow::datatypes::TimeUnit;

    use super::*;

    fn texts(field: Field, array: ArrayRef) -> (Vec<Option<String>>, Vec<BadRow>) {
        let schema = Arc::new(Schema::new(vec![field]));
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
        let mut out = Slots::default();
        let bad = Text::new(&schema, 0).unwrap().encode(&rows, &mut out).unwrap();
        ((0..rows.num_rows()).map(|row| out.get(row).map(|b| String::from_utf8(b.to_vec()).unwrap())).collect(), bad)
    }

    #[test]
    fn a_value_is_its_text() {
        let some = |text: &str| Some(text.to_owned());
        let (got, _) = texts(Field::new("id", DataType::Int64, true), Arc::new(Int64Array::from(vec![Some(7), None])));
        assert_eq!(got, [some("7"), None]);
        let (got, _) = texts(Field::new("t", DataType::Utf8, true), Arc::new(StringArray::from(vec![r#"a "b"\"#, ""])));
        assert_eq!(got, [some(r#"a "b"\"#), some("")]);
        let at = TimestampMicrosecondArray::from(vec![0]).with_timezone("+00:00");
        let field = Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())), true);
        assert_eq!(texts(field, Arc::new(at)).0, [some("1970-01-01T00:00:00.000000Z")]);
    }

    #[test]
    fn a_value_without_text_is_named() {
        let (_, bad) = texts(Field::new("price", DataType::Float64, true), Arc::new(Float64Array::from(vec![1.0, f64::NAN])));
        assert!(bad.len() == 1 && bad[0].row == 1 && bad[0].reason.contains("`price`"), "{bad:?}");
    }
}
