//! Keys of rows as bytes, to see which rows of a batch are of one key.
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, LargeBinaryArray, LargeStringArray, RecordBatch, StringArray,
};
use thyme_core::arrow::buffer::{Buffer, NullBuffer};
use thyme_core::arrow::datatypes::DataType;
use thyme_core::{Error, Kind, Result};

/// The keys of a batch, one after another in one buffer.
///
/// Two keys with the same bytes are one key. The server may take others for one as well (a collation without case): what it
/// then refuses is halved until they stand apart.
pub(super) struct Keys {
    bytes: Vec<u8>,
    /// Where the key of a row begins and ends; `None` where a part of it is null.
    places: Vec<Option<(usize, usize)>>,
}

/// The values of one key column.
enum Part {
    Fixed { width: usize, values: Buffer, nulls: Option<NullBuffer> },
    Bool(BooleanArray),
    Text(StringArray),
    LargeText(LargeStringArray),
    Bytes(BinaryArray),
    LargeBytes(LargeBinaryArray),
}

impl Keys {
    /// The keys of `rows`, which are the columns `key`.
    ///
    /// # Errors
    /// `Schema` for a column whose type can't be compared byte by byte.
    pub(super) fn of(rows: &RecordBatch, key: &[usize]) -> Result<Self> {
        let parts = key.iter().filter_map(|at| rows.columns().get(*at)).map(Part::of).collect::<Result<Vec<_>>>()?;
        let mut keys = Self { bytes: Vec::new(), places: Vec::with_capacity(rows.num_rows()) };
        for row in 0..rows.num_rows() {
            let begin = keys.bytes.len();
            let whole = parts.iter().all(|part| part.write(row, &mut keys.bytes));
            keys.places.push(whole.then_some((begin, keys.bytes.len())));
        }
        Ok(keys)
    }

    /// The key of `row`; `None` where a part of it is null.
    pub(super) fn at(&self, row: usize) -> Option<&[u8]> {
        let (begin, end) = (*self.places.get(row)?)?;
        self.bytes.get(begin..end)
    }
}

impl Part {
    fn of(column: &ArrayRef) -> Result<Self> {
        let text = column.data_type();
        let width = match text {
            DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
            other => other.primitive_width(),
        };
        if let Some(width) = width {
            let data = column.to_data();
            let values = data.buffers().first().map(|all| all.slice_with_length(data.offset() * width, data.len() * width));
            return Ok(Self::Fixed { width, values: values.unwrap_or_default(), nulls: column.nulls().cloned() });
        }
        let part = column.as_boolean_opt().map(|a| Self::Bool(a.clone()));
        let part = part.or_else(|| column.as_string_opt::<i32>().map(|a| Self::Text(a.clone())));
        let part = part.or_else(|| column.as_string_opt::<i64>().map(|a| Self::LargeText(a.clone())));
        let part = part.or_else(|| column.as_binary_opt::<i32>().map(|a| Self::Bytes(a.clone())));
        let part = part.or_else(|| column.as_binary_opt::<i64>().map(|a| Self::LargeBytes(a.clone())));
        part.ok_or_else(|| Error::new(Kind::Schema, format!("a column of {text} can't be a part of the key")))
    }

    /// Adds the value of `row`, so that no two lists of values have the same bytes. False for a null.
    fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let sized = |value: &[u8], out: &mut Vec<u8>| {
            out.extend((value.len() as u64).to_le_bytes());
            out.extend(value);
        };
        match self {
            Self::Fixed { width, values, nulls } => {
                let value = values.get(row * width..(row + 1) * width);
                if let Some(value) = value {
                    out.extend(value);
                }
                return value.is_some() && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            }
            Self::Bool(column) if column.is_valid(row) => out.push(u8::from(column.value(row))),
            Self::Text(column) if column.is_valid(row) => sized(column.value(row).as_bytes(), out),
            Self::LargeText(column) if column.is_valid(row) => sized(column.value(row).as_bytes(), out),
            Self::Bytes(column) if column.is_valid(row) => sized(column.value(row), out),
            Self::LargeBytes(column) if column.is_valid(row) => sized(column.value(row), out),
            _ => return false,
        }
        true
    }
}
