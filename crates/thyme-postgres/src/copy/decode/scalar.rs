//! Values of fixed width.
use thyme_core::arrow::buffer::NullBufferBuilder;

use super::Fault;

/// A column of values of fixed width.
#[derive(Debug)]
pub(super) struct Fixed<T> {
    values: Vec<T>,
    nulls: NullBufferBuilder,
}

impl<T: Default> Fixed<T> {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Adds a value, or NULL for one that is refused.
    #[inline]
    pub(super) fn put(&mut self, value: Result<T, Fault>) -> Result<(), Fault> {
        match value {
            Ok(value) => {
                self.values.push(value);
                self.nulls.append_non_null();
                Ok(())
            }
            Err(fault) => {
                if matches!(fault, Fault::Refused(_)) {
                    self.null();
                }
                Err(fault)
            }
        }
    }

    #[inline]
    pub(super) fn null(&mut self) {
        self.values.push(T::default());
        self.nulls.append_null();
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// What was added; the next batch has room for as much.
    pub(super) fn finish(&mut self) -> (Vec<T>, Option<thyme_core::arrow::buffer::NullBuffer>) {
        let room = Vec::with_capacity(self.values.len());
        (std::mem::replace(&mut self.values, room), self.nulls.finish())
    }
}

/// The bytes of a value of `N` bytes.
#[inline]
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
    bytes.try_into().map_err(|_| Fault::Broken("a value of another length than its type has"))
}

#[inline]
pub(super) fn bool(bytes: &[u8]) -> Result<bool, Fault> {
    match fixed::<1>(bytes)? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Fault::Broken("a boolean that is neither 0 nor 1")),
    }
}
