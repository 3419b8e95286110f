//! Byte strings of many rows in one buffer.

/// One byte string a row, or none, in one buffer.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub(super) bytes: Vec<u8>,
    /// Where each row ends in `bytes`.
    pub(super) ends: Vec<usize>,
    /// Rows that have none; empty when all have one.
    nulls: Vec<bool>,
}

impl Slots {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.nulls.clear();
    }

    /// Adds the string of the next row.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// Says that `row` has none, whatever stands in the buffer.
    pub(super) fn set_null(&mut self, row: usize) {
        if self.nulls.len() <= row {
            self.nulls.resize(row + 1, false);
        }
        if let Some(null) = self.nulls.get_mut(row) {
            *null = true;
        }
    }

    /// The string of `row`.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        if self.nulls.get(row).copied().unwrap_or_default() {
            return None;
        }
        let begin = match row.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bytes.get(begin..*self.ends.get(row)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_own_bytes() {
        let mut slots = Slots::default();
        for text in ["a", "", "bcd"] {
            slots.push(text.as_bytes());
        }
        slots.set_null(0);
        assert_eq!((slots.get(0), slots.get(1), slots.get(2), slots.get(3)), (None, Some(&b""[..]), Some(&b"bcd"[..]), None));
    }
}
