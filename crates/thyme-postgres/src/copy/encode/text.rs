//! Texts, and what is written as text in Arrow alone.
use thyme_core::bytes::{BufMut, BytesMut};

use super::Reason;

pub(super) fn text(value: &str, out: &mut BytesMut) -> Result<(), Reason> {
    if value.as_bytes().contains(&0) {
        return Err("a NUL character, which a text of the server cannot hold".into());
    }
    out.put_slice(value.as_bytes());
    Ok(())
}

pub(super) fn jsonb(value: &str, out: &mut BytesMut) -> Result<(), Reason> {
    out.put_u8(1);
    text(value, out)
}

/// 32 hexadecimal digits, with hyphens anywhere between them.
pub(super) fn uuid(value: &str, out: &mut BytesMut) -> Result<(), Reason> {
    let digits: Option<Vec<u8>> =
        value.bytes().filter(|byte| *byte != b'-').map(|byte| char::from(byte).to_digit(16).map(|digit| digit as u8)).collect();
    match digits {
        Some(digits) if digits.len() == 32 => {
            digits.as_chunks::<2>().0.iter().for_each(|[high, low]| out.put_u8(high << 4 | low));
            Ok(())
        }
        _ => Err("a text that is no UUID".into()),
    }
}
