//! Which partition a record goes to, where a field says so.
use thyme_core::Result;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use thyme_core::arrow::array::{Array, ArrayRef, RecordBatch};
use thyme_core::arrow::datatypes::{DataType, SchemaRef};
use thyme_formats::encode::BadRow;

use super::column::{Text, other_columns};
use super::slots::Slots;

/// How the partition of a record is chosen.
#[derive(Debug)]
pub(super) enum Partition {
    /// By its key, as every client does.
    OfKey,
    /// A field is its number.
    Number {
        /// The column.
        column: usize,
        /// How many the topic has.
        count: i32,
    },
    /// Rows of one value go to one partition.
    Hash {
        /// The column's text.
        text: Text,
        /// How many the topic has.
        count: i32,
    },
}

impl Partition {
    /// The partition by `column` of a topic with `count` of them.
    ///
    /// # Errors
    /// `Schema` for a type without text.
    pub(super) fn new(schema: &SchemaRef, column: Option<usize>, count: i32) -> Result<Self> {
        let Some(column) = column else { return Ok(Self::OfKey) };
        let field = schema.fields().get(column).ok_or_else(other_columns)?;
        if field.data_type().is_integer() {
            return Ok(Self::Number { column, count });
        }
        Text::new(schema, column).map(|text| Self::Hash { text, count })
    }

    /// The partition of each row, -1 where its key decides: without a field, and where the field is NULL. Returns the rows
    /// whose partition the topic does not have.
    ///
    /// # Errors
    /// `Unexpected` for other columns than those of the schema.
    pub(super) fn encode(&mut self, rows: &RecordBatch, out: &mut Vec<i32>) -> Result<Vec<BadRow>> {
        out.clear();
        let mut bad = Vec::new();
        match self {
            Self::OfKey => {}
            Self::Number { column, count } => {
                let array = rows.columns().get(*column).ok_or_else(other_columns)?;
                for row in 0..rows.num_rows() {
                    let number = if array.is_null(row) { None } else { Some(number(array, row)) };
                    match number.map(|number| i32::try_from(number).ok().filter(|at| (0..*count).contains(at)).ok_or(number)) {
                        None => out.push(-1),
                        Some(Ok(at)) => out.push(at),
                        Some(Err(number)) => {
                            out.push(-1);
                            bad.push(BadRow { row, reason: format!("there is no partition {number}: the topic has {count}") });
                        }
                    }
                }
            }
            Self::Hash { text, count } => {
                let mut texts = Slots::default();
                bad = text.encode(rows, &mut texts)?;
                let of = |text: &[u8]| (murmur2(text) & 0x7fff_ffff) as i32 % (*count).max(1);
                out.extend((0..rows.num_rows()).map(|row| texts.get(row).map_or(-1, of)));
            }
        }
        Ok(bad)
    }
}

fn number(array: &ArrayRef, row: usize) -> i128 {
    match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        _ => -1,
    }
}

/// The hash by which clients in Java, and by our setting librdkafka, choose the partition of a key.
fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let (blocks, rest) = bytes.as_chunks::<4>();
    for block in blocks {
        let mut k = u32::from_le_bytes(*block).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail: u32, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that the tests of Kafka's own clients hold.
    #[test]
    fn the_hash_is_the_one_of_other_clients() {
        for (text, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
        assert_eq!(murmur2(b"abc") as i32, 479_470_107);
    }
}
