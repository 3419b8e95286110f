//! Thirty-two bytes at a time: which of them are one of a few.
//!
//! By SSE2, which every x86-64 has; elsewhere the same is done in ordinary registers.

/// How many bytes are looked at in one step.
pub(crate) const LANES: usize = 32;

/// The next [`LANES`] bytes of `text` from `at`, if there are as many.
#[inline(always)]
pub(crate) fn at(text: &[u8], at: usize) -> Option<&[u8; LANES]> {
    text.get(at..)?.first_chunk()
}

/// Bit `i` is set where byte `i` is one of `needles`.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "the intrinsics ask for it; five times faster than bytes one by one")]
pub(crate) fn any_of<const N: usize>(bytes: &[u8; LANES], needles: [u8; N]) -> u32 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { sse::any_of(bytes, needles) }
}

/// Bit `i` is set where a JSON string cannot have byte `i` as it is: `"`, `\` and what is below a blank.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "the intrinsics ask for it; five times faster than bytes one by one")]
pub(crate) fn to_escape(bytes: &[u8; LANES]) -> u32 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { sse::to_escape(bytes) }
}

#[cfg(target_arch = "x86_64")]
mod sse {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_setzero_si128,
    };

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn any_of<const N: usize>(bytes: &[u8; super::LANES], needles: [u8; N]) -> u32 {
        let mut masks = [0; 2];
        for (mask, half) in masks.iter_mut().zip(bytes.as_chunks().0) {
            let (bytes, mut found) = (load(half), _mm_setzero_si128());
            for needle in needles {
                found = _mm_or_si128(found, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(needle as i8)));
            }
            *mask = _mm_movemask_epi8(found) as u32;
        }
        masks[0] | masks[1] << 16
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn to_escape(bytes: &[u8; super::LANES]) -> u32 {
        let mut masks = [0; 2];
        for (mask, half) in masks.iter_mut().zip(bytes.as_chunks().0) {
            let bytes = load(half);
            let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
            let slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
            *mask = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control)) as u32;
        }
        masks[0] | masks[1] << 16
    }

    /// One unaligned load, once the compiler is done with it.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(bytes: &[u8; 16]) -> __m128i {
        let bits = u128::from_le_bytes(*bytes);
        _mm_set_epi64x((bits >> 64) as i64, bits as i64)
    }
}

/// Bit `i` is set where byte `i` is one of `needles`.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn any_of<const N: usize>(bytes: &[u8; LANES], needles: [u8; N]) -> u32 {
    portable::any_of(bytes, needles)
}

/// Bit `i` is set where a JSON string cannot have byte `i` as it is: `"`, `\` and what is below a blank.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn to_escape(bytes: &[u8; LANES]) -> u32 {
    portable::to_escape(bytes)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

    #[inline(always)]
    pub(super) fn any_of<const N: usize>(bytes: &[u8; super::LANES], needles: [u8; N]) -> u32 {
        each(bytes, |word| needles.iter().fold(0, |found, needle| found | zeros(word ^ (ONES * u64::from(*needle)))))
    }

    #[inline(always)]
    pub(super) fn to_escape(bytes: &[u8; super::LANES]) -> u32 {
        // A byte is below a blank when its three highest bits are off.
        each(bytes, |word| zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c)) | zeros(word & (ONES * 0xe0)))
    }

    /// The high bit of each byte that is zero.
    #[inline(always)]
    fn zeros(word: u64) -> u64 {
        !(((word & LOW) + LOW) | word | LOW)
    }

    #[inline(always)]
    fn each(bytes: &[u8; super::LANES], found: impl Fn(u64) -> u64) -> u32 {
        let (words, _) = bytes.as_chunks::<8>();
        words.iter().rev().fold(0, |mask, word| {
            // The multiplication gathers the eight high bits in the highest byte.
            let bits = (found(u64::from_le_bytes(*word)) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            mask << 8 | bits as u32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{LANES, any_of, portable, to_escape};

    #[test]
    fn every_byte_at_every_place() {
        // Miri takes a thousand times as long.
        let step = if cfg!(miri) { 11 } else { 1 };
        for fill in [b'x', 0x80, 0xff, b' '] {
            for at in (0..LANES).step_by(step) {
                for byte in (0..=255).step_by(step) {
                    let mut bytes = [fill; LANES];
                    bytes[at] = byte;
                    bytes[LANES - 1 - at] = byte;
                    let mask = |hit: fn(u8) -> bool| bytes.iter().rev().fold(0, |m, b| m << 1 | u32::from(hit(*b)));
                    let truth = mask(|b| matches!(b, b',' | b'"' | b'\n' | 0xff));
                    assert_eq!(any_of(&bytes, [b',', b'"', b'\n', 0xff]), truth);
                    assert_eq!(portable::any_of(&bytes, [b',', b'"', b'\n', 0xff]), truth);
                    let truth = mask(|b| b < 0x20 || b == b'"' || b == b'\\');
                    assert_eq!(to_escape(&bytes), truth);
                    assert_eq!(portable::to_escape(&bytes), truth);
                }
            }
        }
    }
}
