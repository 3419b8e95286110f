//! Strings: found and copied 32 bytes at a time.
use super::input::{Failed, Input, Reason, Step};
use crate::raw::lanes::{self, LANES};

/// Text that is written while it is searched: the bytes up to `len` are text, the rest is room.
#[derive(Debug, Default)]
pub(crate) struct Text {
    room: Vec<u8>,
    len: usize,
}

impl Text {
    /// Makes room for `bytes` more.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        let wanted = self.len + bytes + LANES;
        if self.room.is_empty() {
            // Fresh memory is zero already.
            self.room = vec![0; wanted];
        } else if self.room.len() < wanted {
            self.room.resize(wanted, 0);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut room = std::mem::take(&mut self.room);
        room.truncate(self.len);
        if room.capacity() - room.len() > room.len() / 4 {
            room.shrink_to_fit();
        }
        self.len = 0;
        room
    }

    pub(crate) fn bytes_from(&self, start: usize) -> &[u8] {
        self.room.get(start..self.len).unwrap_or_default()
    }

    /// Appends `bytes`.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.room.len() < end {
            self.grow(end);
        }
        if let Some(room) = self.room.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
        }
        self.len = end;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, wanted: usize) {
        let len = wanted.max(self.room.len() + self.room.len() / 2).max(256);
        self.room.resize(len, 0);
    }

    /// Copies a string whose opening quote stands before `pos`, without its escapes; the position after its closing quote.
    #[inline]
    pub(crate) fn read(&mut self, input: &mut Input<'_>, mut pos: usize) -> Step {
        let mut len = self.len;
        loop {
            let Some(from) = lanes::at(input.bytes, pos) else {
                self.len = len;
                return self.read_bytewise(input, pos);
            };
            let to = match self.room.get_mut(len..len + LANES) {
                Some(to) => to,
                None => {
                    self.grow(len + LANES);
                    self.room.get_mut(len..len + LANES).unwrap_or_default()
                }
            };
            to.copy_from_slice(from);
            let special = lanes::to_escape(from);
            if special == 0 {
                pos += LANES;
                len += LANES;
                continue;
            }
            let plain = special.trailing_zeros() as usize;
            pos += plain;
            self.len = len + plain;
            match from[plain & (LANES - 1)] {
                b'"' => return Ok(pos + 1),
                b'\\' => pos = self.escape(input, pos + 1)?,
                _ => return control(input, pos),
            }
            len = self.len;
        }
    }

    /// The same near the end of the input.
    #[cold]
    #[inline(never)]
    fn read_bytewise(&mut self, input: &mut Input<'_>, mut pos: usize) -> Step {
        loop {
            match input.byte(pos) {
                Some(b'"') => return Ok(pos + 1),
                Some(b'\\') => pos = self.escape(input, pos + 1)?,
                Some(byte) if byte >= 0x20 => {
                    self.push(&[byte]);
                    pos += 1;
                }
                _ => return control(input, pos),
            }
        }
    }

    #[inline(never)]
    fn escape(&mut self, input: &mut Input<'_>, pos: usize) -> Step {
        let (c, pos) = escape(input, pos)?;
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(pos)
    }
}

/// The position after the closing quote of a string whose opening quote stands before `pos`.
#[inline]
pub(crate) fn skip(input: &mut Input<'_>, mut pos: usize) -> Step {
    loop {
        while let Some(from) = lanes::at(input.bytes, pos) {
            let special = lanes::to_escape(from);
            pos += special.trailing_zeros() as usize;
            if special != 0 {
                break;
            }
        }
        match input.byte(pos) {
            Some(b'"') => return Ok(pos + 1),
            Some(b'\\') => pos = escape(input, pos + 1)?.1,
            Some(byte) if byte >= 0x20 => pos += 1,
            _ => return control(input, pos),
        }
    }
}

/// The text of a string whose opening quote stands before `pos`, and the position after its closing quote. The text lies in
/// the input or, if it has escapes, in `scratch`.
pub(crate) fn text<'i: 's, 's>(input: &mut Input<'i>, scratch: &'s mut Text, pos: usize) -> Result<(&'s [u8], usize), Failed> {
    let bytes = input.bytes;
    let mut plain = pos;
    while let Some(from) = lanes::at(bytes, plain) {
        let special = lanes::to_escape(from).trailing_zeros() as usize;
        plain += special;
        if special < LANES {
            break;
        }
    }
    let ends = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let plain = bytes.get(plain..).unwrap_or_default().iter().position(ends).map_or(bytes.len(), |end| plain + end);
    match bytes.get(plain) {
        Some(b'"') => Ok((bytes.get(pos..plain).unwrap_or_default(), plain + 1)),
        Some(b'\\') => {
            scratch.truncate(0);
            let end = scratch.read(input, pos)?;
            Ok((scratch.bytes_from(0), end))
        }
        _ => control(input, plain),
    }
}

#[cold]
#[inline(never)]
fn control<T>(input: &mut Input<'_>, pos: usize) -> Result<T, Failed> {
    match input.byte(pos) {
        None => input.fail(pos, Reason::Because("a string without its closing quote")),
        Some(b'\n') if input.lines => input.fail(pos, Reason::Because("a string without its closing quote")),
        Some(_) => input.fail(pos, Reason::Because("a control character in a string must be escaped")),
    }
}

/// The character of an escape whose backslash stands before `pos`, and the position after it.
fn escape(input: &mut Input<'_>, pos: usize) -> Result<(char, usize), Failed> {
    const PAIR: Reason = Reason::Because("half of a surrogate pair in a string");
    let c = match input.byte(pos) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let high = hex(input, pos + 1)?;
            let code = match high {
                0xD800..=0xDBFF => {
                    if input.byte(pos + 5) != Some(b'\\') || input.byte(pos + 6) != Some(b'u') {
                        return input.fail(pos - 1, PAIR);
                    }
                    let low = hex(input, pos + 7)?;
                    if !(0xDC00..=0xDFFF).contains(&low) {
                        return input.fail(pos - 1, PAIR);
                    }
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    return match char::from_u32(code) {
                        Some(c) => Ok((c, pos + 11)),
                        None => input.fail(pos - 1, PAIR),
                    };
                }
                code => code,
            };
            return match char::from_u32(code) {
                Some(c) => Ok((c, pos + 5)),
                None => input.fail(pos - 1, PAIR),
            };
        }
        _ => return input.fail(pos, Reason::Because("an escape that JSON does not have")),
    };
    Ok((c, pos + 1))
}

fn hex(input: &mut Input<'_>, pos: usize) -> Result<u32, Failed> {
    let mut code = 0;
    for at in pos..pos + 4 {
        match input.byte(at).and_then(|byte| char::from(byte).to_digit(16)) {
            Some(digit) => code = code << 4 | digit,
            None => return input.fail(at, Reason::Because("`\\u` wants four hexadecimal digits")),
        }
    }
    Ok(code)
}
