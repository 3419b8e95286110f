//! One record into the columns.
use super::column::Column;
use super::field::{self, End, Marks};

/// How a record came out.
pub(super) enum Record {
    /// It is a row; where the next one begins, and the line ends passed.
    Row(usize, u64),
    /// It is none: where the next one begins, where its own bytes end, the line ends passed, the place and the fault.
    Bad { next: usize, end: usize, lines: u64, at: usize, reason: String },
    /// It runs off the block.
    Open,
}

/// What a record is read with.
pub(super) struct Reading<'a> {
    pub(super) marks: &'a Marks,
    /// The columns in the order of the file.
    pub(super) columns: &'a mut [Column],
    /// Whether the block is the last of its file.
    pub(super) last: bool,
    /// The byte that ends the last field of a plain record: LF, or CR where the file has CRLF.
    pub(super) line_end: &'a mut u8,
    pub(super) scratch: &'a mut Vec<u8>,
}

impl Reading<'_> {
    /// Reads the record at `from` as row `row`. Its columns have a value more if it is a row, and perhaps if not.
    #[inline(always)]
    pub(super) fn record(&mut self, block: &[u8], from: usize, row: usize) -> Record {
        let (want, delimiter) = (self.columns.len(), self.marks.delimiter);
        let (mut i, mut at) = (0, from);
        let mut state = State { i: 0, at, lines: 0, fault: None };
        loop {
            while let Some(column) = self.columns.get_mut(i) {
                let final_one = i + 1 == want;
                let mark = if final_one { *self.line_end } else { delimiter };
                let Some(end) = column.plain(block, at, mark) else { break };
                if !final_one {
                    (i, at) = (i + 1, end + 1);
                    continue;
                }
                if mark == b'\n' {
                    return Record::Row(end + 1, state.lines + 1);
                }
                if block.get(end + 1) == Some(&b'\n') {
                    return Record::Row(end + 2, state.lines + 1);
                }
                column.truncate(row);
                break;
            }
            (state.i, state.at) = (i, at);
            if let Some(record) = self.general(block, from, &mut state) {
                return record;
            }
            (i, at) = (state.i, state.at);
        }
    }

    /// Takes one field by the book; all that are left once there is a fault.
    #[inline(never)]
    fn general(&mut self, block: &[u8], from: usize, state: &mut State) -> Option<Record> {
        let want = self.columns.len();
        loop {
            let Some(field) = field::cut(block, state.at, self.last, self.marks, self.scratch) else { return Some(Record::Open) };
            state.lines += field.lines;
            if state.fault.is_none()
                && let Some(column) = self.columns.get_mut(state.i)
            {
                state.fault = match field.fault {
                    Some((place, why)) => Some((place, format!("{why} (field `{}`)", column.name()))),
                    None => column.set(field.text, field.quoted).err().map(|why| (state.at, reason(column, field.text, why))),
                };
            }
            state.i += 1;
            match field.end {
                End::Delimiter => {
                    state.at = field.at + 1;
                    if state.i < want && state.fault.is_none() {
                        return None;
                    }
                }
                End::Record(length) => {
                    let (end, next) = (field.at, field.at + length);
                    state.lines += u64::from(length > 0);
                    if length > 0 {
                        *self.line_end = if length == 2 { b'\r' } else { b'\n' };
                    }
                    if state.i != want && state.fault.is_none() {
                        let fields = if want == 1 { "field" } else { "fields" };
                        state.fault = Some((from, format!("expected {want} {fields}, found {}", state.i)));
                    }
                    let lines = state.lines;
                    return Some(match state.fault.take() {
                        None => Record::Row(next, lines),
                        Some((at, reason)) => Record::Bad { next, end, lines, at, reason },
                    });
                }
            }
        }
    }
}

/// How far a record was read.
struct State {
    /// The field that comes next, and where it begins.
    i: usize,
    at: usize,
    lines: u64,
    /// The first fault: where and what.
    fault: Option<(usize, String)>,
}

/// "expected an int64, found "abc": not a whole number (field `amount`)".
fn reason(column: &Column, text: &[u8], why: &str) -> String {
    const SHOWN: usize = 40;
    let shown = String::from_utf8_lossy(text.get(..SHOWN).unwrap_or(text));
    let more = if text.len() > SHOWN { "…" } else { "" };
    format!("expected {}, found {:?}{more}: {why} (field `{}`)", column.wants(), shown, column.name())
}
