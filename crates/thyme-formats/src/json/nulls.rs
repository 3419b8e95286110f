//! Which values of a column are null. Nothing is written for those that are not.
use thyme_core::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A bit for each null; rows past the last word are not null.
#[derive(Debug, Default)]
pub(crate) struct Nulls {
    words: Vec<u64>,
}

impl Nulls {
    pub(crate) fn set(&mut self, row: usize) {
        if self.words.len() <= row / 64 {
            self.words.resize(row / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub(crate) fn get(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Forgets the rows from `rows` on.
    #[inline]
    pub(crate) fn truncate(&mut self, rows: usize) {
        if self.words.len() > rows / 64 {
            self.words.truncate(rows / 64 + 1);
            if let Some(word) = self.words.last_mut() {
                *word &= (1 << (rows % 64)) - 1;
            }
        }
    }

    /// The validity of `rows` values, and an empty set.
    pub(crate) fn take(&mut self, rows: usize) -> Option<NullBuffer> {
        if self.words.iter().all(|word| *word == 0) {
            self.words.clear();
            return None;
        }
        let mut words = std::mem::take(&mut self.words);
        words.resize(rows.div_ceil(64), 0);
        words.iter_mut().for_each(|word| *word = (!*word).to_le());
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, rows)))
    }
}
