//! From Arrow columns to the bytes that the server takes.
mod cell;
mod list;
mod net;
mod numeric;
mod text;
mod time;

use std::borrow::Cow;

use thyme_core::arrow::array::{RecordBatch, new_empty_array};
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::bytes::{BufMut, BytesMut};
use thyme_core::{Error, Kind, Result, field_type};

use super::SIGNATURE;
use crate::catalog::Column;
use crate::types::PgType;

/// Why a value can't be sent.
type Reason = Cow<'static, str>;

/// A row with a value that the column can't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its row in the batch.
    pub row: usize,
    /// What is wrong, with the column.
    pub reason: String,
}

/// Turns rows into the tuples of `COPY … FROM STDIN (FORMAT binary)`.
#[derive(Debug)]
pub struct Encoder {
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    name: String,
    ty: PgType,
    /// The field of the schema.
    index: usize,
}

impl Encoder {
    /// An encoder for `columns`, in the order in which `COPY` names them; each is written from the field of its name.
    ///
    /// # Errors
    /// `Schema` for a column without a field, and for a field that the column's type has no value for.
    pub fn new(columns: &[Column], schema: &SchemaRef) -> Result<Self> {
        let target = |column: &Column| {
            let Some((index, field)) = schema.column_with_name(&column.name) else {
                return Err(Error::new(Kind::Schema, format!("there is no field for the column `{}`", column.name)));
            };
            let empty = new_empty_array(field.data_type());
            if cell::cell(&column.ty, empty.as_ref()).is_none() {
                let (name, field) = (&column.name, field_type::name(&field.clone().with_nullable(true)));
                let text = format!("the column `{name}` of type {} cannot be written from {field}", column.type_name);
                return Err(Error::new(Kind::Schema, text));
            }
            Ok(Target { name: column.name.clone(), ty: column.ty.clone(), index })
        };
        Ok(Self { targets: columns.iter().map(target).collect::<Result<_>>()? })
    }

    /// What comes before the first row.
    pub fn header(out: &mut BytesMut) {
        out.put_slice(SIGNATURE);
        out.put_u32(0);
        out.put_u32(0);
    }

    /// What comes after the last row.
    pub fn trailer(out: &mut BytesMut) {
        out.put_i16(-1);
    }

    /// Adds the given rows of `batch` in the given order. Nothing is added of a row with a value that can't be sent.
    ///
    /// # Errors
    /// `Unexpected` for a batch of another schema, and for a row that it does not have.
    pub fn rows(&self, batch: &RecordBatch, rows: impl IntoIterator<Item = usize>, out: &mut BytesMut) -> Result<Vec<Refused>> {
        let unfit = || Error::new(Kind::Unexpected, "the batch does not have the schema of the encoder");
        let one = |target: &Target| {
            let array = batch.columns().get(target.index).ok_or_else(unfit)?;
            Ok((array.logical_nulls(), cell::cell(&target.ty, array.as_ref()).ok_or_else(unfit)?))
        };
        let cells = self.targets.iter().map(one).collect::<Result<Vec<_>>>()?;
        let count = i16::try_from(cells.len()).map_err(|_| Error::new(Kind::Schema, "a table has at most 1600 columns"))?;
        let mut refused = Vec::new();
        for row in rows {
            if row >= batch.num_rows() {
                return Err(Error::new(Kind::Unexpected, format!("row {row} of a batch of {}", batch.num_rows())));
            }
            let start = out.len();
            out.put_i16(count);
            for ((nulls, cell), target) in cells.iter().zip(&self.targets) {
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    out.put_i32(-1);
                    continue;
                }
                if let Err(reason) = sized(out, |out| cell(row, out)) {
                    out.truncate(start);
                    refused.push(Refused { row, reason: format!("column `{}`: {reason}", target.name) });
                    break;
                }
            }
        }
        Ok(refused)
    }
}

/// What `write` adds, with its length before it.
fn sized(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<(), Reason>) -> Result<(), Reason> {
    let start = out.len();
    out.put_i32(0);
    write(out)?;
    let length = i32::try_from(out.len() - start - 4).map_err(|_| "a value of more than 2 GiB")?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
