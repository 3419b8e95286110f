//! One payload: an envelope, or a row without one.
use std::ops::Range;

use thyme_core::Op;

use super::how::{Scratch, more, open};
use super::members::{Members, Seen, unquoted};
use super::options::Message;
use super::rows::Rows;
use super::unavailable::Unavailable;
use crate::json::input::{Failed, Input, Reason};
use crate::json::{skip, string};

/// What a payload is read with, and into.
pub(super) struct Reading<'a> {
    pub(super) unavailable: &'a Unavailable,
    pub(super) scratch: &'a mut Scratch,
    pub(super) rows: &'a mut Rows,
}

/// What stands in a payload that may be an envelope.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) end: usize,
    /// There is a row after the change, and where.
    pub(super) after: Option<Range<usize>>,
    before: Option<usize>,
    /// How many of `before` and `after` there are, null or not.
    sides: usize,
    op: Option<Vec<u8>>,
    message: bool,
    status: bool,
    count: bool,
    stamp: bool,
    members: usize,
    /// Columns of the row after the change whose value was not sent.
    pub(super) unset: Vec<usize>,
    /// That row has a member that is not known.
    pub(super) unknown: bool,
}

impl Found {
    pub(super) fn is_envelope(&self) -> bool {
        self.op.is_some() && (self.sides > 0 || self.message)
    }

    /// What the payload is if it is no row at all.
    pub(super) fn other(&self) -> Option<&'static str> {
        match self {
            Self { status: true, count: true, .. } => Some("transaction"),
            Self { stamp: true, members: 1, .. } => Some("heartbeat"),
            _ => None,
        }
    }
}

impl Reading<'_> {
    /// Reads the payload at `pos` as an envelope: the row after the change goes to the row in the making.
    pub(super) fn envelope(&mut self, input: &mut Input<'_>, pos: usize, members: &Members) -> Result<Found, Failed> {
        let mut found = Found { end: input.blank(pos + 1) + 1, ..Found::default() };
        let mut next = open(input, pos)?;
        while let Some(at) = next {
            if input.byte(at) != Some(b'"') {
                return input.fail(at, Reason::Expected("a key in quotes"));
            }
            let mut key = string::Text::default();
            let (name, end) = string::text(input, &mut key, at + 1)?;
            let side = match name {
                b"after" => Some(true),
                b"before" => Some(false),
                _ => None,
            };
            let (op, message) = (name == b"op", name == b"message");
            found.status |= name == b"status";
            found.count |= name == b"event_count";
            found.stamp |= name == b"ts_ms";
            found.message |= message;
            found.members += 1;
            let at = skip::colon(input, end)?;
            let is_row = input.byte(at) == Some(b'{');
            let end = match side {
                Some(true) if is_row => {
                    // Of a repeated key the last counts.
                    self.rows.undo();
                    let mut seen = Seen::new(self.unavailable);
                    let end = members.read(input, at, &mut self.rows.root, self.scratch, Some(&mut seen));
                    let end = end.map_err(|_| input.within("after"))?;
                    (found.after, found.unset, found.unknown) = (Some(at..end), seen.unset, seen.unknown);
                    end
                }
                _ => skip::skip(input, at, 2)?,
            };
            match side {
                Some(true) if !is_row => found.after = None,
                Some(false) => found.before = is_row.then_some(at),
                _ => {}
            }
            found.sides += usize::from(side.is_some());
            if op {
                found.op = unquoted(input, at, end);
            }
            let (goes_on, end) = more(input, end)?;
            next = goes_on.then_some(end);
            found.end = end;
        }
        Ok(found)
    }

    /// What an envelope says happened; the row in the making is then that row. A deleted one may lack its key.
    pub(super) fn decide(
        &mut self,
        input: &mut Input<'_>,
        members: &Members,
        found: &Found,
    ) -> Result<Result<Op, &'static str>, String> {
        let op = found.op.as_deref().unwrap_or_default();
        match op {
            b"c" | b"r" | b"u" if found.after.is_none() => {
                self.rows.undo();
                Err(format!("an envelope of operation `{}` without the row after it", String::from_utf8_lossy(op)))
            }
            b"c" | b"r" => Ok(Ok(Op::Insert)),
            b"u" => {
                self.before(input, members, found)?;
                Ok(Ok(Op::Update))
            }
            b"d" => {
                self.rows.undo();
                if let Some(at) = found.before {
                    let mut seen = Seen::new(self.unavailable);
                    let read = members.read(input, at, &mut self.rows.root, self.scratch, Some(&mut seen));
                    read.map_err(|_| {
                        let _ = input.within("before");
                        input.fault()
                    })?;
                }
                self.before(input, members, found)?;
                Ok(Ok(Op::Delete))
            }
            b"t" => {
                self.rows.undo();
                Ok(Ok(Op::Truncate))
            }
            b"m" => Ok(Err("message")),
            op => Err(format!("an unknown operation `{}`", String::from_utf8_lossy(op))),
        }
    }

    fn before(&mut self, input: &mut Input<'_>, members: &Members, found: &Found) -> Result<(), String> {
        let (Some(at), Some(before)) = (found.before, &mut self.rows.before) else { return Ok(()) };
        let mut seen = Seen::new(self.unavailable);
        match members.read(input, at, before, self.scratch, Some(&mut seen)) {
            Ok(_) => Ok(()),
            Err(_) => {
                let _ = input.within("before");
                Err(input.fault())
            }
        }
    }

    /// Reads the payload at `pos` as a row: what happened to it, where it ends, its columns whose value was not sent, and
    /// whether it has a member that is not known.
    pub(super) fn flat(
        &mut self,
        input: &mut Input<'_>,
        pos: usize,
        members: &Members,
        message: &Message<'_>,
    ) -> Result<(Op, usize, Vec<usize>, bool), String> {
        let mut seen = Seen::new(self.unavailable);
        let end = members.read(input, pos, &mut self.rows.root, self.scratch, Some(&mut seen)).map_err(|_| input.fault())?;
        if seen.columns == 0 {
            return Err("neither an envelope nor a row of the dataset".into());
        }
        let op = match seen.op.as_deref().or(message.op) {
            _ if seen.deleted => Op::Delete,
            Some(b"c" | b"r") => Op::Insert,
            Some(b"u") | None => Op::Update,
            Some(b"d") => Op::Delete,
            Some(b"t") => Op::Truncate,
            Some(op) => return Err(format!("an unknown operation `{}`", String::from_utf8_lossy(op))),
        };
        if op == Op::Truncate {
            self.rows.undo();
        }
        let unset = if matches!(op, Op::Insert | Op::Update) { seen.unset } else { Vec::new() };
        Ok((op, end, unset, seen.unknown))
    }
}
