//! Bytes written at a place of a buffer that is already there.
//!
//! Every write says where it ended, or that the buffer is too small; the row is then written again into a larger one. So nothing
//! is computed beforehand, and what is short is written as a whole block whose tail the next write covers.
use crate::raw::lanes::LANES;

/// A buffer to write into.
pub(crate) type Buf = [u8];

/// Why a value was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The buffer is too small.
    Full,
    /// The value has no text.
    Bad(&'static str),
}

/// Writes `block` at `at`, of which `length` bytes count.
#[inline(always)]
pub(crate) fn block<const N: usize>(out: &mut Buf, at: usize, block: &[u8; N], length: usize) -> Result<usize, Stop> {
    let place = out.get_mut(at..).and_then(|out| out.first_chunk_mut()).ok_or(Stop::Full)?;
    *place = *block;
    Ok(at + length)
}

/// Writes one byte.
#[inline(always)]
pub(crate) fn byte(out: &mut Buf, at: usize, byte: u8) -> Result<usize, Stop> {
    *out.get_mut(at).ok_or(Stop::Full)? = byte;
    Ok(at + 1)
}

/// Writes `bytes`; for what is short or rare.
#[inline]
pub(crate) fn bytes(out: &mut Buf, at: usize, bytes: &[u8]) -> Result<usize, Stop> {
    let end = at + bytes.len();
    out.get_mut(at..end).ok_or(Stop::Full)?.copy_from_slice(bytes);
    Ok(end)
}

/// A text that is written often: whole blocks, and how many bytes of them count.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    blocks: Vec<[u8; LANES]>,
    length: usize,
}

impl Ready {
    pub(crate) fn new(text: &[u8]) -> Self {
        let blocks = text.chunks(LANES).map(|chunk| {
            let mut block = [0; LANES];
            block[..chunk.len()].copy_from_slice(chunk);
            block
        });
        Self { blocks: blocks.collect(), length: text.len() }
    }

    #[inline(always)]
    pub(crate) fn write(&self, out: &mut Buf, at: usize) -> Result<usize, Stop> {
        let mut place = at;
        for ready in &self.blocks {
            place = block(out, place, ready, LANES)?;
        }
        Ok(at + self.length)
    }
}
