//! One field, by the book: what every special case comes to.
use super::options::CsvOptions;
use crate::raw::lanes::{self, LANES};
use crate::text::Fault;

/// The bytes that mean something.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) escape: Option<u8>,
    pub(super) stray_quote_is_text: bool,
}

impl Marks {
    pub(super) fn new(options: &CsvOptions) -> Self {
        let CsvOptions { delimiter, quote, escape, stray_quote_is_text, .. } = *options;
        Self { delimiter, quote, escape, stray_quote_is_text }
    }
}

/// What ends a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Another field follows.
    Delimiter,
    /// The record is over; so many bytes of line end (0 at the end of the file).
    Record(usize),
}

/// A field and where it ends.
#[derive(Debug)]
pub(super) struct Field<'a> {
    /// Its text without quotes and escapes.
    pub(super) text: &'a [u8],
    /// Whether it began with a quote.
    pub(super) quoted: bool,
    /// Where its end mark stands.
    pub(super) at: usize,
    pub(super) end: End,
    /// Line ends within it.
    pub(super) lines: u64,
    /// The first fault of form and where it is. The end is right even so.
    pub(super) fault: Option<(usize, Fault)>,
}

/// The field at `from`; `None` if it runs off the block and more may come. `scratch` holds the text where it is not one piece.
pub(super) fn cut<'a>(block: &'a [u8], from: usize, last: bool, marks: &Marks, scratch: &'a mut Vec<u8>) -> Option<Field<'a>> {
    if block.get(from) == Some(&marks.quote) {
        return quoted(block, from, last, marks, scratch);
    }
    let mut fault = None;
    let (at, end) = bare_end(block, from, last, marks, &mut fault, !marks.stray_quote_is_text)?;
    Some(Field { text: block.get(from..at).unwrap_or_default(), quoted: false, at, end, lines: 0, fault })
}

const STRAY: Fault = "a quote within a bare field";
const RETURN: Fault = "a carriage return that ends no line";
const AFTER: Fault = "text after the closing quote";
const OPEN: Fault = "the quote is never closed";

/// Where the bare field that `from` is in ends, and how.
fn bare_end(
    block: &[u8],
    from: usize,
    last: bool,
    marks: &Marks,
    fault: &mut Option<(usize, Fault)>,
    quotes: bool,
) -> Option<(usize, End)> {
    let mut at = from;
    loop {
        while let Some(bytes) = lanes::at(block, at) {
            let found = lanes::any_of(bytes, [marks.delimiter, b'\n', b'\r', marks.quote]);
            if found != 0 {
                at += found.trailing_zeros() as usize;
                break;
            }
            at += LANES;
        }
        match block.get(at) {
            None => return last.then_some((at, End::Record(0))),
            Some(b'\n') => return Some((at, End::Record(1))),
            Some(b) if *b == marks.delimiter => return Some((at, End::Delimiter)),
            Some(b'\r') => match block.get(at + 1) {
                Some(b'\n') => return Some((at, End::Record(2))),
                None if !last => return None,
                _ => _ = fault.get_or_insert((at, RETURN)),
            },
            Some(b) if *b == marks.quote && quotes => _ = fault.get_or_insert((at, STRAY)),
            _ => {}
        }
        at += 1;
    }
}

fn quoted<'a>(block: &'a [u8], from: usize, last: bool, marks: &Marks, scratch: &'a mut Vec<u8>) -> Option<Field<'a>> {
    let (mut at, mut piece, mut lines, mut fault) = (from + 1, from + 1, 0, None);
    let second = marks.escape.unwrap_or(marks.quote);
    scratch.clear();
    // Up to the closing quote, which `at` then points to.
    loop {
        while let Some(bytes) = lanes::at(block, at) {
            let found = lanes::any_of(bytes, [marks.quote, second, b'\n']);
            if found != 0 {
                at += found.trailing_zeros() as usize;
                break;
            }
            at += LANES;
        }
        let Some(byte) = block.get(at) else {
            if !last {
                return None;
            }
            fault = Some((from, OPEN));
            break;
        };
        if *byte == b'\n' {
            lines += 1;
        } else if *byte == second && (marks.escape.is_some() || block.get(at + 1) == Some(&marks.quote)) {
            // The escape goes, what follows stays.
            scratch.extend_from_slice(block.get(piece..at).unwrap_or_default());
            match block.get(at + 1) {
                None if !last => return None,
                Some(b'\n') => lines += 1,
                _ => {}
            }
            piece = (at + 1).min(block.len());
            at += 1;
        } else if *byte == marks.quote {
            break;
        }
        at += 1;
    }
    at = at.min(block.len());
    let tail = block.get(piece..at).unwrap_or_default();
    let whole = if scratch.is_empty() {
        tail
    } else {
        scratch.extend_from_slice(tail);
        scratch.as_slice()
    };
    if at >= block.len() {
        return Some(Field { text: whole, quoted: true, at, end: End::Record(0), lines, fault });
    }
    let after = at + 1;
    let (at, end) = match (block.get(after), block.get(after + 1)) {
        (None, _) if last => (after, End::Record(0)),
        (None, _) => return None,
        (Some(b'\n'), _) => (after, End::Record(1)),
        (Some(b'\r'), Some(b'\n')) => (after, End::Record(2)),
        (Some(b'\r'), None) if !last => return None,
        (Some(b), _) if *b == marks.delimiter => (after, End::Delimiter),
        _ => {
            fault = Some((after, AFTER));
            bare_end(block, after, last, marks, &mut fault, false)?
        }
    };
    Some(Field { text: whole, quoted: true, at, end, lines, fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(escape: Option<u8>) -> Marks {
        Marks { delimiter: b',', quote: b'"', escape, stray_quote_is_text: false }
    }

    type Read = (String, bool, usize, End, u64, Option<(usize, Fault)>);

    fn read(text: &str, last: bool, escape: Option<u8>) -> Option<Read> {
        let mut scratch = Vec::new();
        let f = cut(text.as_bytes(), 0, last, &marks(escape), &mut scratch)?;
        Some((String::from_utf8(f.text.to_vec()).unwrap(), f.quoted, f.at, f.end, f.lines, f.fault))
    }

    #[test]
    fn fields() {
        let long = "x".repeat(70);
        for (text, value, quoted, at, end) in [
            ("a,b", "a", false, 1, End::Delimiter),
            (",", "", false, 0, End::Delimiter),
            ("a\r\n", "a", false, 1, End::Record(2)),
            ("a\n", "a", false, 1, End::Record(1)),
            ("\"\",", "", true, 2, End::Delimiter),
            ("\"a\"\"\",", "a\"", true, 5, End::Delimiter),
            ("\"\"\"\"\r\n", "\"", true, 4, End::Record(2)),
            (&format!("{long}\n"), &long, false, 70, End::Record(1)),
            (&format!("\"{long},\",\n"), &format!("{long},"), true, 73, End::Delimiter),
        ] {
            let truth = (value.to_owned(), quoted, at, end, 0, None);
            assert_eq!(read(text, false, None), Some(truth.clone()), "{text}");
            for cut in 0..=at {
                assert_eq!(read(&text[..cut], false, None), None, "{text} {cut}");
            }
        }
        assert_eq!(read("a", true, None), Some(("a".into(), false, 1, End::Record(0), 0, None)));
        assert_eq!(read("\"a\nb\n\"", true, None), Some(("a\nb\n".into(), true, 6, End::Record(0), 2, None)));
        assert_eq!(read(r#""a\"b\\","#, true, Some(b'\\')), Some(("a\"b\\".into(), true, 8, End::Delimiter, 0, None)));
    }

    #[test]
    fn faults_leave_the_end_right() {
        for (text, escape, at, end, fault) in [
            ("a\"b,", None, 3, End::Delimiter, (1, STRAY)),
            ("a\rb\n", None, 3, End::Record(1), (1, RETURN)),
            ("\"a\"b\"\",c", None, 6, End::Delimiter, (3, AFTER)),
            ("\"a\"\rb\n", None, 5, End::Record(1), (3, AFTER)),
            ("\"a,b\n", None, 5, End::Record(0), (0, OPEN)),
            ("\"a\\", Some(b'\\'), 3, End::Record(0), (0, OPEN)),
            ("\"a\\\"", Some(b'\\'), 4, End::Record(0), (0, OPEN)),
            ("\"a\"\"b\",", Some(b'\\'), 6, End::Delimiter, (3, AFTER)),
        ] {
            let field = read(text, true, escape).unwrap();
            assert_eq!((field.2, field.3, field.5), (at, end, Some(fault)), "{text}");
        }
    }
}
