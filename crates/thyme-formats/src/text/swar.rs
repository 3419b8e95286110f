//! Eight bytes at a time, in ordinary registers.

const HIGH: u64 = 0x8080_8080_8080_8080;

/// The eight bytes from `at`, the first one lowest, if there are as many.
#[inline(always)]
pub(crate) fn word(text: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?))
}

/// A picture of eight bytes: digits where it has `0`, itself elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Picture {
    text: u64,
    limit: u64,
}

impl Picture {
    /// The picture of `text`, in which `0` stands for any digit.
    pub(crate) const fn new(text: &[u8; 8]) -> Self {
        let (mut limit, mut i) = ([0; 8], 0);
        while i < 8 {
            limit[i] = if text[i] == b'0' { 0x76 } else { 0x7f };
            i += 1;
        }
        Self { text: u64::from_le_bytes(*text), limit: u64::from_le_bytes(limit) }
    }

    /// The values of the digits at their places and 0 elsewhere, and whether `word` fits the picture. (A value below 128 plus
    /// the limit of its place has its high bit set when it is above 9 for a digit, above 0 for the rest; no carry passes on.)
    #[inline(always)]
    pub(crate) const fn digits(self, word: u64) -> (u64, bool) {
        let values = word ^ self.text;
        (values, (values.wrapping_add(self.limit) | values) & HIGH == 0)
    }
}

/// Byte `i` becomes `10 * value[i] + value[i + 1]`, for values below 10.
#[inline(always)]
pub(crate) const fn pairs(values: u64) -> u64 {
    values.wrapping_mul(10).wrapping_add(values >> 8)
}

/// Byte `i` of `word` as a number.
#[inline(always)]
pub(crate) const fn byte(word: u64, i: u32) -> u32 {
    (word >> (8 * i)) as u8 as u32
}
