//! The bytes under the scanner, and the place where a record failed.
use std::fmt::Write as _;

/// A record cannot be decoded; where and why stands in [`Input::fault`].
#[derive(Debug)]
pub(crate) struct Failed;

/// Where the next token begins.
pub(crate) type Step = Result<usize, Failed>;

/// How deep a value may nest: the 128th level is refused, as serde_json does.
pub(crate) const DEPTH: u32 = 128;

/// Why a record cannot be decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// Something else was expected here: "expected an int64, found …".
    Expected(&'static str),
    /// The value at the place is not possible: "out of range for an int8: 300".
    Value(&'static str),
    /// Said in full.
    Because(&'static str),
}

/// The bytes under the scanner. Positions are indices of `bytes`; positions past the end read as nothing.
pub(crate) struct Input<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether a newline ends the record rather than being white space.
    pub(crate) lines: bool,
    at: usize,
    reason: Reason,
    /// The fields around the fault, innermost first.
    path: Vec<String>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8], lines: bool) -> Self {
        Self { bytes, lines, at: 0, reason: Reason::Because(""), path: Vec::new() }
    }

    #[inline(always)]
    pub(crate) fn byte(&self, pos: usize) -> Option<u8> {
        self.bytes.get(pos).copied()
    }

    /// The first position from `pos` on that is not white space.
    #[inline(always)]
    pub(crate) fn blank(&self, pos: usize) -> usize {
        match self.bytes.get(pos) {
            Some(byte) if *byte <= b' ' => self.blank_run(pos),
            _ => pos,
        }
    }

    #[inline(never)]
    fn blank_run(&self, mut pos: usize) -> usize {
        while let Some(byte) = self.bytes.get(pos) {
            match byte {
                b' ' | b'\t' | b'\r' => pos += 1,
                b'\n' if !self.lines => pos += 1,
                _ => break,
            }
        }
        pos
    }

    /// Notes the fault.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail<T>(&mut self, pos: usize, reason: Reason) -> Result<T, Failed> {
        self.at = pos;
        self.reason = reason;
        self.path.clear();
        Err(Failed)
    }

    /// Notes which field, or which kind of member, the fault is in. Called from the inside out.
    #[cold]
    #[inline(never)]
    pub(crate) fn within(&mut self, field: &str) -> Failed {
        self.path.push(field.to_owned());
        Failed
    }

    /// Where the fault is.
    pub(crate) fn fault_at(&self) -> usize {
        self.at.min(self.bytes.len())
    }

    /// What is wrong, as [`BadRecord::reason`](crate::scan::BadRecord::reason) shows it.
    pub(crate) fn fault(&self) -> String {
        let mut text = match self.reason {
            Reason::Expected(what) => format!("expected {what}, found {}", self.found()),
            Reason::Value(what) => format!("{what}: {}", self.found()),
            Reason::Because(what) => what.to_owned(),
        };
        if !self.path.is_empty() {
            text.push_str(" (field `");
            for (i, name) in self.path.iter().rev().enumerate() {
                if i > 0 && name != "[]" && name != "{}" {
                    text.push('.');
                }
                text.push_str(name);
            }
            text.push_str("`)");
        }
        text
    }

    /// What stands at the fault, cut to a length that fits a message.
    fn found(&self) -> String {
        const SHOWN: usize = 40;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let token = match rest.first() {
            None => return "the end".into(),
            Some(b'\n') if self.lines => return "the end of the line".into(),
            Some(b'{') => return "an object".into(),
            Some(b'[') => return "an array".into(),
            Some(b'"') => {
                let mut escaped = false;
                let end = rest.iter().skip(1).position(|byte| {
                    let ends = *byte == b'\n' || (*byte == b'"' && !escaped);
                    escaped = *byte == b'\\' && !escaped;
                    ends
                });
                let quote = end.map_or(rest.len(), |end| end + 2);
                rest.get(..quote.min(rest.len())).unwrap_or(rest)
            }
            Some(_) => {
                let stops = |byte: &u8| byte.is_ascii_whitespace() || b",:\"[]{}".contains(byte);
                let end = rest.iter().skip(1).position(stops).map_or(rest.len(), |end| end + 1);
                rest.get(..end).unwrap_or(rest)
            }
        };
        let cut = token.len() > SHOWN;
        let shown = String::from_utf8_lossy(token.get(..SHOWN).unwrap_or(token));
        let shown = if cut { shown.trim_end_matches('\u{FFFD}') } else { &shown };
        let mut text = String::new();
        for c in shown.chars() {
            if c.is_control() {
                let _ = write!(text, "{}", c.escape_default());
            } else {
                text.push(c);
            }
        }
        if !token.starts_with(b"\"") {
            text = format!("`{text}`");
        }
        if cut {
            text.push('…');
        }
        text
    }
}
