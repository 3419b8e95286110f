//! Bytes as base64 of RFC 4648, section 4: the standard alphabet with padding.
use super::Fault;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SHAPE: Fault = "not base64 with padding";

const VALUES: [u8; 256] = {
    let (mut values, mut i) = ([255; 256], 0);
    while i < 64 {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
};

/// Appends the bytes that `text` spells to `out`, which is as before when it fails.
///
/// # Errors
/// A byte outside the alphabet, a missing padding, or bits left over.
pub fn decode(text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let (quads, tail) = text.as_chunks::<4>();
    if !tail.is_empty() {
        return Err(SHAPE);
    }
    let Some((last, quads)) = quads.split_last() else { return Ok(()) };
    let (before, mut bad) = (out.len(), 0);
    out.reserve(quads.len() * 3 + 3);
    for quad in quads {
        let (bytes, fault) = three(*quad);
        bad |= fault;
        out.extend_from_slice(&bytes);
    }
    // Padding stands for zeros, and only the bits it covers may be zero because of it.
    let (quad, keep) = match *last {
        [a, b, b'=', b'='] => ([a, b, b'A', b'A'], 1),
        [a, b, c, b'='] => ([a, b, c, b'A'], 2),
        quad => (quad, 3),
    };
    let (bytes, fault) = three(quad);
    let (kept, spare) = bytes.split_at(keep);
    if (bad | fault) & 0x80 != 0 || spare.iter().any(|b| *b != 0) {
        out.truncate(before);
        return Err(SHAPE);
    }
    out.extend_from_slice(kept);
    Ok(())
}

/// Appends `bytes` as base64 to `out`.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    let digit = |bits: u32| ALPHABET[(bits & 63) as usize];
    let (triples, tail) = bytes.as_chunks::<3>();
    for [a, b, c] in triples {
        let bits = u32::from_be_bytes([0, *a, *b, *c]);
        out.extend_from_slice(&[digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)]);
    }
    match *tail {
        [a] => {
            let bits = u32::from(a) << 16;
            out.extend_from_slice(&[digit(bits >> 18), digit(bits >> 12), b'=', b'=']);
        }
        [a, b] => {
            let bits = u32::from(a) << 16 | u32::from(b) << 8;
            out.extend_from_slice(&[digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), b'=']);
        }
        _ => {}
    }
}

/// Three bytes from four digits, and a value with the high bit set if one of them is none.
#[inline(always)]
fn three(quad: [u8; 4]) -> ([u8; 3], u8) {
    let [a, b, c, d] = quad.map(|digit| VALUES[usize::from(digit)]);
    let bits = u32::from(a & 63) << 18 | u32::from(b & 63) << 12 | u32::from(c & 63) << 6 | u32::from(d & 63);
    let [_, x, y, z] = bits.to_be_bytes();
    ([x, y, z], a | b | c | d)
}
