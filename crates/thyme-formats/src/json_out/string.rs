//! Strings with their escapes.
use super::buffer::{self, Buf, Stop};
use crate::raw::lanes::{self, LANES};
use crate::text::base64;

/// Writes the bytes of `all` from `from` to `to`, valid UTF-8, as a string. Blocks are read past `to` as long as `all` goes on.
#[inline(always)]
pub(super) fn string(out: &mut Buf, at: usize, all: &[u8], from: usize, to: usize) -> Result<usize, Stop> {
    let mut at = buffer::byte(out, at, b'"')?;
    let mut from = from;
    while from < to {
        let Some(bytes) = lanes::at(all, from) else {
            at = tail(out, at, all.get(from..to).unwrap_or_default())?;
            break;
        };
        let left = to - from;
        let found = lanes::to_escape(bytes);
        let clean = (found.trailing_zeros() as usize).min(left);
        at = buffer::block(out, at, bytes, clean.min(LANES))?;
        from += clean;
        if clean < LANES && clean < left {
            at = escape(out, at, bytes[clean])?;
            from += 1;
        }
    }
    buffer::byte(out, at, b'"')
}

/// The last bytes of a buffer, one by one.
#[inline(never)]
fn tail(out: &mut Buf, mut at: usize, bytes: &[u8]) -> Result<usize, Stop> {
    for byte in bytes {
        at = match byte {
            b'"' | b'\\' | 0..0x20 => escape(out, at, *byte)?,
            byte => buffer::byte(out, at, *byte)?,
        };
    }
    Ok(at)
}

/// Writes a byte that cannot stand for itself.
#[inline(never)]
fn escape(out: &mut Buf, at: usize, byte: u8) -> Result<usize, Stop> {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            return buffer::bytes(out, at, &[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        }
    };
    buffer::bytes(out, at, &[b'\\', short])
}

/// Writes bytes as base64, in quotes.
pub(super) fn base64(out: &mut Buf, at: usize, bytes: &[u8]) -> Result<usize, Stop> {
    let mut text = Vec::new();
    base64::encode(bytes, &mut text);
    let at = buffer::byte(out, at, b'"')?;
    let at = buffer::bytes(out, at, &text)?;
    buffer::byte(out, at, b'"')
}

/// Writes a UUID, in quotes.
pub(super) fn uuid(out: &mut Buf, at: usize, bytes: [u8; 16]) -> Result<usize, Stop> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (mut text, mut place) = ([b'-'; 38], 1);
    for (i, byte) in bytes.into_iter().enumerate() {
        place += usize::from(matches!(i, 4 | 6 | 8 | 10));
        text[place] = DIGITS[usize::from(byte >> 4)];
        text[place + 1] = DIGITS[usize::from(byte & 15)];
        place += 2;
    }
    (text[0], text[37]) = (b'"', b'"');
    buffer::block(out, at, &text, 38)
}

/// Writes a text that is JSON already, on one line.
pub(super) fn raw(out: &mut Buf, at: usize, text: &[u8]) -> Result<usize, Stop> {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).map_err(|_| Stop::Bad("the text of a json column is not json"))?;
    let end = buffer::bytes(out, at, text)?;
    // Strings have no line ends in them, so these stand between tokens.
    for byte in out.get_mut(at..end).unwrap_or_default() {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    Ok(end)
}
