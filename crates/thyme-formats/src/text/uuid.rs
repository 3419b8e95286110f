//! UUIDs.
use super::Fault;

/// The sixteen bytes of a UUID: 32 hexadecimal digits, with the four hyphens at their places or without any.
///
/// # Errors
/// Another shape.
pub fn parse(text: &[u8]) -> Result<[u8; 16], Fault> {
    const SHAPE: Fault = "not a uuid (8-4-4-4-12 hexadecimal digits)";
    let hyphens = match text.len() {
        36 => true,
        32 => false,
        _ => return Err(SHAPE),
    };
    let mut out = [0; 16];
    let mut rest = text;
    for (i, byte) in out.iter_mut().enumerate() {
        if hyphens && matches!(i, 4 | 6 | 8 | 10) {
            let [b'-', after @ ..] = rest else { return Err(SHAPE) };
            rest = after;
        }
        let [high, low, after @ ..] = rest else { return Err(SHAPE) };
        let (high, low) = (nibble(*high), nibble(*low));
        if (high | low) > 15 {
            return Err(SHAPE);
        }
        *byte = high << 4 | low;
        rest = after;
    }
    Ok(out)
}

/// The value of a hexadecimal digit, 255 for anything else.
#[inline(always)]
fn nibble(digit: u8) -> u8 {
    const VALUES: [u8; 256] = {
        let (mut values, mut i) = ([255; 256], 0);
        while i < 256 {
            let digit = i as u8;
            values[i] = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                b'A'..=b'F' => digit - b'A' + 10,
                _ => 255,
            };
            i += 1;
        }
        values
    };
    VALUES[usize::from(digit)]
}
