//! Passing over a record that is too long to be held, by the same grammar as the rest and without keeping it.
use super::field::Marks;

/// Where in a record a byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Bare,
    Quoted,
    /// Behind a quote that closes the field unless another one follows.
    Closed,
    Escaped,
}

/// The way through one record, a block at a time.
#[derive(Clone, Debug)]
pub(super) struct Oversize {
    state: State,
}

impl Oversize {
    pub(super) fn new() -> Self {
        Self { state: State::Start }
    }

    /// Goes on through `block`: where the record's line ends are over, if they are, and the line ends up to there.
    pub(super) fn pass(&mut self, block: &[u8], marks: &Marks) -> (Option<usize>, u64) {
        let mut lines = 0;
        for (at, byte) in block.iter().enumerate() {
            lines += u64::from(*byte == b'\n');
            let ends = *byte == b'\n' && !matches!(self.state, State::Quoted | State::Escaped);
            if ends {
                return (Some(at + 1), lines);
            }
            self.state = match self.state {
                State::Start if *byte == marks.quote => State::Quoted,
                State::Quoted if Some(*byte) == marks.escape => State::Escaped,
                State::Quoted if *byte == marks.quote => State::Closed,
                State::Quoted | State::Escaped => State::Quoted,
                State::Closed if *byte == marks.quote && marks.escape.is_none() => State::Quoted,
                _ if *byte == marks.delimiter => State::Start,
                _ => State::Bare,
            };
        }
        (None, lines)
    }
}
