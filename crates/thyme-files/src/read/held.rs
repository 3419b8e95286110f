//! What rows take of memory.
use std::collections::HashSet;

use thyme_core::arrow::array::{Array, RecordBatch};
use thyme_core::arrow::buffer::Buffer;
use thyme_core::arrow::data::ArrayData;

/// Bytes that `rows` hold: pieces of memory that several columns lie in count once.
pub(super) fn held(rows: &RecordBatch) -> usize {
    let mut seen = HashSet::new();
    rows.columns().iter().map(|column| data(&column.to_data(), &mut seen)).sum()
}

fn data(array: &ArrayData, seen: &mut HashSet<usize>) -> usize {
    let mut new = |buffer: &Buffer| if seen.insert(buffer.data_ptr().as_ptr() as usize) { buffer.capacity() } else { 0 };
    let own = array.buffers().iter().map(&mut new).sum::<usize>() + array.nulls().map_or(0, |nulls| new(nulls.buffer()));
    own + array.child_data().iter().map(|child| data(child, seen)).sum::<usize>()
}
