//! Batches into lines or messages.
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use thyme_core::{Error, Kind, Result};

use super::buffer::{Ready, Stop};
use super::{Cells, JsonWriteOptions, cells, view};
use crate::encode::BadRow;

/// How much is written before it is handed over: it stays in the nearest cache.
const CHUNK: usize = 16 << 10;

/// Writes batches of one schema as JSON objects, one a row.
#[derive(Debug)]
pub struct JsonEncoder {
    schema: SchemaRef,
    options: JsonWriteOptions,
    keys: Vec<Ready>,
    /// Where rows are written before they go to the output.
    chunk: Vec<u8>,
}

impl JsonEncoder {
    /// An encoder for batches of `schema`.
    ///
    /// # Errors
    /// A column name that stands twice, in nested structs as well; a type that has no JSON form.
    pub fn new(schema: &SchemaRef, options: JsonWriteOptions) -> Result<Self> {
        unique(schema.fields())?;
        for field in schema.fields() {
            view::check(field)?;
        }
        let keys = schema.fields().iter().map(|field| cells::key(field.name())).collect();
        Ok(Self { schema: schema.clone(), options, keys, chunk: vec![0; 2 * CHUNK] })
    }

    /// Appends the rows of `batch` to `out`: as lines, each with its line end, or with `ends` as messages without one, where each
    /// row ends in `out` being appended to `ends`.
    ///
    /// The rows that could not be written are returned, in order. They have no line; as messages they are empty.
    ///
    /// # Errors
    /// The columns of the batch are not those of the schema.
    pub fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>, ends: Option<&mut Vec<usize>>) -> Result<Vec<BadRow>> {
        let columns = self.columns(batch)?;
        let (mut bad, mut ends) = (Vec::new(), ends);
        let (mut at, mut row) = (0, 0);
        while row < batch.num_rows() {
            let fields = self.keys.iter().zip(&columns);
            let written = cells::object(fields, row, &mut self.chunk, at, &self.options);
            let end = match (written, ends.is_none()) {
                (Ok(end), true) => match self.chunk.get_mut(end) {
                    Some(place) => {
                        *place = b'\n';
                        Ok(end + 1)
                    }
                    None => Err(Stop::Full),
                },
                (written, _) => written,
            };
            match end {
                Ok(end) => at = end,
                Err(Stop::Full) => {
                    // Written again, with room for what came before gone or the room doubled.
                    if at == 0 {
                        self.chunk.resize(self.chunk.len() * 2, 0);
                    }
                    out.extend_from_slice(self.chunk.get(..at).unwrap_or_default());
                    at = 0;
                    continue;
                }
                Err(Stop::Bad(reason)) => bad.push(BadRow { row, reason: self.reason(&columns, row, reason) }),
            }
            if let Some(ends) = &mut ends {
                ends.push(out.len() + at);
            }
            if at >= CHUNK {
                out.extend_from_slice(self.chunk.get(..at).unwrap_or_default());
                at = 0;
            }
            row += 1;
        }
        out.extend_from_slice(self.chunk.get(..at).unwrap_or_default());
        self.chunk.truncate(8 << 20);
        Ok(bad)
    }

    fn columns<'a>(&self, batch: &'a RecordBatch) -> Result<Vec<Cells<'a>>> {
        let fields = self.schema.fields();
        let same = fields.len() == batch.num_columns()
            && fields.iter().zip(batch.columns()).all(|(field, array)| field.data_type() == array.data_type());
        if !same {
            return Err(Error::new(Kind::Unexpected, "the batch does not have the columns the json encoder was made for"));
        }
        fields.iter().zip(batch.columns()).map(|(field, array)| Cells::new(field, array)).collect()
    }

    /// The reason with the name of the column it is about.
    #[cold]
    fn reason(&self, columns: &[Cells<'_>], row: usize, reason: &str) -> String {
        let mut scratch = vec![0; 256];
        for (field, cells) in self.schema.fields().iter().zip(columns) {
            loop {
                match cells.write(row, &mut scratch, 0, &self.options) {
                    Err(Stop::Full) => scratch.resize(scratch.len() * 2, 0),
                    Err(Stop::Bad(_)) => return format!("{reason} (field `{}`)", field.name()),
                    Ok(_) => break,
                }
            }
        }
        reason.to_owned()
    }
}

/// No name stands twice, on any level.
fn unique(fields: &Fields) -> Result<()> {
    for (i, field) in fields.iter().enumerate() {
        if fields[..i].iter().any(|other| other.name() == field.name()) {
            return Err(Error::new(Kind::Schema, format!("json cannot have the key `{}` twice in an object", field.name())));
        }
        nested(field)?;
    }
    Ok(())
}

fn nested(field: &Field) -> Result<()> {
    match field.data_type() {
        DataType::Struct(fields) => unique(fields),
        DataType::List(element) => nested(element),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => fields.iter().try_for_each(|field| nested(field)),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
