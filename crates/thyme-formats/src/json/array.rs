//! Files that are one JSON array, or values one after another: where each record begins and ends.
use std::ops::Range;

use crate::raw::lanes;

/// Finds the records of a file that is one JSON array, one object, or several values one after another.
///
/// It is fed as a scanner is: block after block, what was not consumed again in front of what follows. It is strict about what
/// stands between the records; inside them it looks at quotes and brackets alone and leaves the rest to
/// [`JsonScanner::records`](super::JsonScanner::records).
#[derive(Debug)]
pub struct ArraySplitter {
    state: State,
    /// The record that the last block ended in.
    open: Option<Open>,
    record_bytes_at_most: usize,
}

/// The records of a block.
#[derive(Debug, Default)]
pub struct Split {
    /// Where the whole records lie in the block, in order.
    pub records: Vec<Range<usize>>,
    /// Bytes of the block that are done with; the rest is to be given again.
    pub consumed: usize,
    /// The structure breaks here; the records before it are good, what follows cannot be read.
    pub broken: Option<Broken>,
}

/// Where and why the structure of a file breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The byte within the block.
    pub at: usize,
    /// Newlines before it within the block.
    pub line: u64,
    /// What is wrong, lower-case.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was seen yet.
    Start,
    /// After `[`.
    First,
    /// After a comma.
    Next,
    /// After a record of the array.
    After,
    /// After `]`.
    End,
    /// Not an array: the next value, or the end.
    Values,
    /// Broken, or past the end.
    Dead,
}

/// A record whose end is not in sight.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// How much of it was looked at.
    seen: usize,
    /// The brackets that are open, a bit each for `{`, innermost lowest; those beyond 128 are not remembered.
    kinds: u128,
    depth: usize,
    quoted: bool,
    /// A number or a literal.
    bare: bool,
}

impl ArraySplitter {
    /// A splitter at the start of a file; a record longer than `record_bytes_at_most` breaks the structure.
    #[must_use]
    pub fn new(record_bytes_at_most: usize) -> Self {
        Self { state: State::Start, open: None, record_bytes_at_most }
    }

    /// The records that end in `block`. With `last` the block ends the file.
    pub fn split(&mut self, block: &[u8], last: bool) -> Split {
        let mut split = Split::default();
        if let Err((at, reason)) = self.walk(block, last, &mut split) {
            let line = block.iter().take(at).filter(|byte| **byte == b'\n').count() as u64;
            split.broken = Some(Broken { at, line, reason });
            self.state = State::Dead;
        }
        split
    }

    fn walk(&mut self, block: &[u8], last: bool, split: &mut Split) -> Result<(), (usize, String)> {
        let mut pos = 0;
        loop {
            if self.open.is_none() {
                pos += block.get(pos..).unwrap_or_default().iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
                split.consumed = pos;
                let Some(byte) = block.get(pos) else { break };
                if self.between(*byte, pos)? {
                    pos += 1;
                    continue;
                }
            }
            let mut open = self.open.take().unwrap_or_default();
            match open.end(block, pos, last)? {
                Some(end) if end - pos <= self.record_bytes_at_most => {
                    split.records.push(pos..end);
                    pos = end;
                    self.state = if self.state == State::Values { State::Values } else { State::After };
                }
                None if block.len() - pos <= self.record_bytes_at_most => {
                    self.open = Some(open);
                    break;
                }
                _ => return Err((pos, format!("a record longer than {} bytes", self.record_bytes_at_most))),
            }
        }
        match (last, self.open.is_some(), self.state) {
            (true, true, _) => Err((block.len(), "the file ends inside a record".into())),
            (true, false, State::First | State::Next | State::After) => {
                Err((block.len(), "the file ends before the `]` of its array".into()))
            }
            _ => Ok(()),
        }
    }

    /// Takes a byte between records; whether it was one, or begins a record.
    fn between(&mut self, byte: u8, pos: usize) -> Result<bool, (usize, String)> {
        let (state, taken) = match (self.state, byte) {
            (State::Start, b'[') => (State::First, true),
            (State::First | State::After, b']') => (State::End, true),
            (State::After, b',') => (State::Next, true),
            (State::First | State::Next, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => (self.state, false),
            (State::Start | State::Values, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                (State::Values, false)
            }
            (State::After, _) => return Err((pos, "expected `,` or `]` after a record of the array".into())),
            (State::End, _) => return Err((pos, "expected nothing after the end of the array".into())),
            (State::Dead, _) => return Err((pos, "the structure is broken before".into())),
            _ => return Err((pos, "expected a record".into())),
        };
        self.state = state;
        Ok(taken)
    }
}

impl Open {
    /// The end of the record that begins at `start`, if it is in the block; what was seen so far is remembered.
    fn end(&mut self, block: &[u8], start: usize, last: bool) -> Result<Option<usize>, (usize, String)> {
        let mut pos = self.plain(block, start + self.seen);
        while let Some(byte) = block.get(pos) {
            if self.quoted {
                match byte {
                    b'"' => self.quoted = false,
                    // What is escaped may lie in the next block.
                    b'\\' if pos + 1 == block.len() => break,
                    b'\\' => pos += 1,
                    b'\n' => return Err((pos, "a string without its closing quote".into())),
                    _ => {}
                }
                pos = self.plain(block, pos + 1);
                if self.depth == 0 && !self.quoted {
                    return Ok(Some(pos));
                }
                continue;
            }
            match byte {
                b'"' if !self.bare => self.quoted = true,
                b'{' | b'[' if !self.bare => {
                    self.kinds = self.kinds << 1 | u128::from(*byte == b'{');
                    self.depth += 1;
                }
                b'}' | b']' if self.depth > 0 => {
                    if self.depth <= 128 && (self.kinds & 1 == 1) != (*byte == b'}') {
                        return Err((pos, "a bracket that closes another kind".into()));
                    }
                    self.kinds >>= 1;
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Ok(Some(pos + 1));
                    }
                }
                _ if self.depth > 0 => {}
                b',' | b']' | b'}' | b'{' | b'[' | b'"' | b' ' | b'\t' | b'\r' | b'\n' => return Ok(Some(pos)),
                _ => self.bare = true,
            }
            pos = self.plain(block, pos + 1);
        }
        self.seen = pos.min(block.len()) - start;
        Ok((self.bare && last).then_some(block.len()))
    }

    /// The first position from `pos` on that may matter.
    fn plain(&self, block: &[u8], mut pos: usize) -> usize {
        while let Some(bytes) = lanes::at(block, pos).filter(|_| self.depth > 0) {
            let matters = if self.quoted { lanes::to_escape(bytes) } else { lanes::any_of(bytes, *b"\"{}[]") };
            if matters != 0 {
                return pos + matters.trailing_zeros() as usize;
            }
            pos += lanes::LANES;
        }
        pos
    }
}
