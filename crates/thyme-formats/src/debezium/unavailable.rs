//! The placeholder that stands for a value which the database did not send.
use crate::json::input::Input;
use crate::text::base64;

/// What Debezium writes unless it was told otherwise (`unavailable.value.placeholder`).
pub(super) const DEFAULT: &[u8] = b"__debezium_unavailable_value";

/// The placeholder in all its forms: text, bytes, an array of one of these or of the numbers of its bytes, a map of itself.
#[derive(Debug)]
pub(crate) struct Unavailable {
    plain: Vec<u8>,
    /// In quotes.
    text: Vec<u8>,
    base64: Vec<u8>,
}

impl Unavailable {
    pub(super) fn new(plain: &[u8]) -> Self {
        let quoted = |fill: &dyn Fn(&mut Vec<u8>)| {
            let mut out = vec![b'"'];
            fill(&mut out);
            out.push(b'"');
            out
        };
        let text = quoted(&|out| out.extend_from_slice(plain));
        let base64 = quoted(&|out| base64::encode(plain, out));
        Self { plain: plain.to_vec(), text, base64 }
    }

    /// The position after the JSON value at `pos`, if it is the placeholder.
    #[inline]
    pub(super) fn at(&self, input: &Input<'_>, pos: usize) -> Option<usize> {
        match input.byte(pos)? {
            b'"' => self.string(input, pos),
            b'[' => self.array(input, input.blank(pos + 1)),
            b'{' => self.map(input, input.blank(pos + 1)),
            _ => None,
        }
    }

    #[inline]
    fn string(&self, input: &Input<'_>, pos: usize) -> Option<usize> {
        let rest = input.bytes.get(pos..)?;
        [&self.text, &self.base64].into_iter().find(|form| rest.starts_with(form)).map(|form| pos + form.len())
    }

    fn array(&self, input: &Input<'_>, pos: usize) -> Option<usize> {
        let close = |pos: usize| {
            let pos = input.blank(pos);
            (input.byte(pos)? == b']').then_some(pos + 1)
        };
        if input.byte(pos)? == b'"' {
            return close(self.string(input, pos)?);
        }
        let mut pos = pos;
        for (i, byte) in self.plain.iter().enumerate() {
            if i > 0 {
                pos = input.blank(pos);
                if input.byte(pos)? != b',' {
                    return None;
                }
                pos = input.blank(pos + 1);
            }
            let digits = byte.to_string();
            if !input.bytes.get(pos..)?.starts_with(digits.as_bytes()) {
                return None;
            }
            pos += digits.len();
        }
        close(pos)
    }

    fn map(&self, input: &Input<'_>, pos: usize) -> Option<usize> {
        let colon = input.blank(self.string(input, pos)?);
        if input.byte(colon)? != b':' {
            return None;
        }
        let close = input.blank(self.string(input, input.blank(colon + 1))?);
        (input.byte(close)? == b'}').then_some(close + 1)
    }
}
