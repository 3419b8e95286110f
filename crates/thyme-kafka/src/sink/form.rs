//! Keys and values of records, by their format.
use std::sync::Arc;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Dataset, Error, Kind, Result};
use thyme_formats::avro::AvroEncoder;
use thyme_formats::csv::{CsvEncoder, CsvWriteOptions};
use thyme_formats::encode::BadRow;
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};

use super::column::{Bytes, Text, other_columns};
use super::slots::Slots;
use crate::config::Format;

/// Writes some columns of each row as a key or a value.
#[derive(Debug)]
pub(super) struct Form {
    /// Which columns; `None`: all of them.
    columns: Option<Vec<usize>>,
    schema: SchemaRef,
    encoder: Encoder,
}

#[derive(Debug)]
enum Encoder {
    Json(JsonEncoder),
    Text(Text),
    Bytes(Bytes),
    Csv(CsvEncoder),
    Avro(AvroEncoder),
}

impl Form {
    /// The form of keys of `columns`; `None` without any. Several columns as text are an object: nothing joins texts
    /// unmistakably.
    ///
    /// # Errors
    /// `Schema` for a type that the format has no form for, `Config` for several columns of bytes.
    pub(super) fn of_key(dataset: &Dataset, columns: &[usize], format: Format, id: Option<u32>) -> Result<Option<Self>> {
        let format = match (columns, format) {
            ([], _) => return Ok(None),
            ([_, _, ..], Format::String) => Format::Json,
            ([_, _, ..], Format::Bytes) => {
                let text = "`key_format = \"bytes\"` takes one key field: choose `json` for several";
                return Err(Error::new(Kind::Config, text));
            }
            (_, format) => format,
        };
        let project = |schema: &SchemaRef| schema.project(columns).map(Arc::new).map_err(|e| other_columns().source(e));
        let projected = project(dataset.columns())?;
        let encoder = Encoder::new(&projected, &project(dataset.schema())?, format, id)?;
        Ok(Some(Self { columns: Some(columns.to_vec()), schema: projected, encoder }))
    }

    /// The form of values. One that is of a single column is of the only one, or the only one beside the `keys`.
    ///
    /// # Errors
    /// `Schema` for a type that the format has no form for, and where nobody can say which column is meant.
    pub(super) fn of_value(dataset: &Dataset, keys: &[usize], format: Format, id: Option<u32>) -> Result<Self> {
        let schema = dataset.columns();
        if !matches!(format, Format::String | Format::Bytes) {
            let encoder = Encoder::new(schema, dataset.schema(), format, id)?;
            return Ok(Self { columns: None, schema: Arc::clone(schema), encoder });
        }
        let column = only(schema, keys)?;
        let projected = Arc::new(schema.project(&[column]).map_err(|e| other_columns().source(e))?);
        let encoder = Encoder::new(&projected, &projected, format, id)?;
        Ok(Self { columns: Some(vec![column]), schema: projected, encoder })
    }

    /// Writes each of `rows` to `out`; returns those that have no form. A NULL of a text or of bytes is no key, no value.
    ///
    /// # Errors
    /// `Unexpected` for other columns than those of the schema.
    pub(super) fn encode(&mut self, rows: &RecordBatch, out: &mut Slots) -> Result<Vec<BadRow>> {
        out.clear();
        let Some(columns) = &self.columns else { return self.encoder.encode(rows, out) };
        let columns = columns.iter().map(|column| rows.columns().get(*column).cloned());
        let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(other_columns)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|e| other_columns().source(e))?;
        self.encoder.encode(&rows, out)
    }
}

impl Encoder {
    /// For batches of `schema`; `declared` says what is never NULL, which is part of an Avro schema. Its `id` is the registry's.
    fn new(schema: &SchemaRef, declared: &SchemaRef, format: Format, id: Option<u32>) -> Result<Self> {
        match format {
            Format::Json => JsonEncoder::new(schema, JsonWriteOptions::default()).map(Self::Json),
            Format::Csv => CsvEncoder::new(schema, CsvWriteOptions::default()).map(Self::Csv),
            Format::String => Text::new(schema, 0).map(Self::Text),
            Format::Bytes => Bytes::new(schema, 0).map(Self::Bytes),
            Format::Avro => AvroEncoder::new(declared, id).map(Self::Avro),
        }
    }

    fn encode(&mut self, rows: &RecordBatch, out: &mut Slots) -> Result<Vec<BadRow>> {
        match self {
            Self::Json(encoder) => encoder.encode(rows, &mut out.bytes, Some(&mut out.ends)),
            Self::Text(text) => text.encode(rows, out),
            Self::Bytes(bytes) => bytes.encode(rows, out).map(|()| Vec::new()),
            Self::Avro(encoder) => encoder.encode(rows, &mut out.bytes, &mut out.ends),
            Self::Csv(encoder) => {
                let (mut bad, mut line) = (Vec::new(), Vec::new());
                for row in 0..rows.num_rows() {
                    line.clear();
                    let refused = encoder.encode(&rows.slice(row, 1), &mut line)?;
                    bad.extend(refused.into_iter().map(|refused| BadRow { row, ..refused }));
                    out.push(line.strip_suffix(b"\n").unwrap_or(&line));
                }
                Ok(bad)
            }
        }
    }
}

/// The column that a value of one column is made of.
fn only(schema: &SchemaRef, keys: &[usize]) -> Result<usize> {
    if schema.fields().len() == 1 {
        return Ok(0);
    }
    let others: Vec<usize> = (0..schema.fields().len()).filter(|column| !keys.contains(column)).collect();
    match others.as_slice() {
        [column] => Ok(*column),
        others => {
            let text = format!(
                "a value of one column is wanted, and the dataset has {} beside the key: choose another `format`, or narrow \
                 `dataset.fields`",
                others.len()
            );
            Err(Error::new(Kind::Schema, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use thyme_core::arrow::array::{Int64Array, StringArray};
    use thyme_core::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn dataset() -> Dataset {
        Dataset::new("rows", rows().schema()).unwrap()
    }

    fn rows() -> RecordBatch {
        let fields = ["id", "part", "text"]
            .map(|name| Field::new(name, if name == "text" { DataType::Utf8 } else { DataType::Int64 }, true));
        let (ids, parts) = (Int64Array::from(vec![1, 2]), Int64Array::from(vec![7, 8]));
        let texts = StringArray::from(vec![Some("a \"b\""), None]);
        RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), vec![Arc::new(ids), Arc::new(parts), Arc::new(texts)])
            .unwrap()
    }

    fn written(form: &mut Form) -> Vec<Option<String>> {
        let mut out = Slots::default();
        assert_eq!(form.encode(&rows(), &mut out).unwrap(), []);
        (0..2).map(|row| out.get(row).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())).collect()
    }

    fn key(columns: &[usize], format: Format) -> Vec<Option<String>> {
        written(&mut Form::of_key(&dataset(), columns, format, None).unwrap().unwrap())
    }

    fn some<const N: usize>(texts: [&str; N]) -> Vec<Option<String>> {
        texts.map(|text| Some(text.to_owned())).to_vec()
    }

    #[test]
    fn a_key_is_text_or_an_object() {
        assert!(Form::of_key(&dataset(), &[], Format::String, None).unwrap().is_none());
        assert_eq!(key(&[0], Format::String), some(["1", "2"]));
        assert_eq!(key(&[1, 0], Format::String), some([r#"{"part":7,"id":1}"#, r#"{"part":8,"id":2}"#]));
        assert_eq!(key(&[0], Format::Json), some([r#"{"id":1}"#, r#"{"id":2}"#]));
        assert_eq!(key(&[0, 1], Format::Csv), some(["1,7", "2,8"]));
        assert_eq!(key(&[2], Format::Bytes), [Some("a \"b\"".to_owned()), None]);
        let error = Form::of_key(&dataset(), &[0, 2], Format::Bytes, None).unwrap_err();
        assert!(error.kind() == Kind::Config && error.message().contains("key_format"), "{error}");
    }

    #[test]
    fn a_value_is_the_row_or_the_one_column_beside_the_key() {
        let of = |keys: &[usize], format| written(&mut Form::of_value(&dataset(), keys, format, None).unwrap());
        assert_eq!(of(&[0, 1], Format::String), [Some("a \"b\"".to_owned()), None]);
        assert_eq!(of(&[], Format::Csv), some(["1,7,\"a \"\"b\"\"\"", "2,8,"]));
        assert_eq!(of(&[], Format::Json)[1], Some(r#"{"id":2,"part":8,"text":null}"#.to_owned()));
        let error = Form::of_value(&dataset(), &[0], Format::String, None).unwrap_err();
        assert!(error.kind() == Kind::Schema && error.message().contains("2 beside the key"), "{error}");
    }
}
