//! An object into the columns of its members.
use std::cell::Cell;

use super::how::{How, Scratch, more, open};
use super::unavailable::Unavailable;
use crate::json::input::{Input, Step};
use crate::json::keys::{Key, Table};
use crate::json::object::Object;
use crate::json::{skip, string};

/// The members of an object and the columns they go to.
#[derive(Debug)]
pub(super) struct Members {
    list: Vec<Member>,
    table: Table,
    /// The member that is likely to come first.
    first: Cell<usize>,
}

#[derive(Debug)]
struct Member {
    key: Key,
    to: To,
    /// The member that is likely to come next.
    next: Cell<usize>,
}

/// Where a member goes.
#[derive(Debug)]
pub(super) enum To {
    /// To the column at a place.
    Column(usize, How),
    /// `__op`: the operation of a row without its envelope.
    Op,
    /// `__deleted`: whether such a row was deleted.
    Deleted,
    /// Nowhere, which was settled before.
    Nowhere,
}

/// What is to be seen beside the columns of a row.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) unavailable: &'a Unavailable,
    /// The columns whose value is not known.
    pub(super) unset: Vec<usize>,
    /// A member that is not known has a value.
    pub(super) unknown: bool,
    /// How many columns were there.
    pub(super) columns: usize,
    pub(super) op: Option<Vec<u8>>,
    pub(super) deleted: bool,
}

impl<'a> Seen<'a> {
    pub(super) fn new(unavailable: &'a Unavailable) -> Self {
        Self { unavailable, unset: Vec::new(), unknown: false, columns: 0, op: None, deleted: false }
    }
}

impl Members {
    pub(super) fn new(members: Vec<(String, To)>) -> Self {
        let table = Table::new(members.iter().map(|(name, _)| name.as_str()));
        let list = members.into_iter().enumerate();
        let list = list.map(|(i, (name, to))| Member { key: Key::new(&name), to, next: Cell::new(i + 1) }).collect();
        Self { list, table, first: Cell::new(0) }
    }

    /// Reads the object at `pos`; what it does not have gets nothing. Of a repeated key the last counts.
    pub(super) fn read(
        &self,
        input: &mut Input<'_>,
        pos: usize,
        object: &mut Object,
        scratch: &mut Scratch,
        mut seen: Option<&mut Seen<'_>>,
    ) -> Step {
        let rows = object.rows();
        let mut guess = &self.first;
        let mut end = input.blank(pos + 1) + 1;
        let mut next = open(input, pos)?;
        while let Some(at) = next {
            let hit = self.list.get(guess.get()).and_then(|member| Some((guess.get(), member.key.after(input.bytes, at)?)));
            let (place, at) = match hit {
                Some((place, at)) => (Some(place), input.blank(at)),
                None => {
                    let (place, at) = self.look_up(input, at)?;
                    if let Some(place) = place {
                        guess.set(place);
                    }
                    (place, at)
                }
            };
            let member = place.and_then(|place| self.list.get(place));
            if let Some(member) = member {
                guess = &member.next;
            }
            let after = match (member.map(|member| &member.to), &mut seen) {
                (Some(To::Column(to, how)), seen) => {
                    let (to, Some(column)) = (*to, object.column(*to)) else { return skip::skip(input, at, 4) };
                    column.truncate(rows);
                    let unset = seen.as_mut().and_then(|seen| {
                        seen.columns += 1;
                        let end = seen.unavailable.at(input, at)?;
                        seen.unset.push(to);
                        Some(end)
                    });
                    match unset {
                        Some(end) => {
                            column.pad();
                            end
                        }
                        None => match how.read(input, at, column, scratch) {
                            Ok(end) => end,
                            Err(_) => return Err(input.within(object.name(to))),
                        },
                    }
                }
                (Some(To::Op), Some(seen)) => {
                    let end = skip::skip(input, at, 4)?;
                    seen.op = unquoted(input, at, end);
                    end
                }
                (Some(To::Deleted), Some(seen)) => {
                    let end = skip::skip(input, at, 4)?;
                    seen.deleted = matches!(input.bytes.get(at..end), Some(b"\"true\"" | b"true"));
                    end
                }
                (None, Some(seen)) => {
                    seen.unknown |= input.byte(at) != Some(b'n');
                    skip::skip(input, at, 4)?
                }
                _ => skip::skip(input, at, 4)?,
            };
            let (goes_on, after) = more(input, after)?;
            next = goes_on.then_some(after);
            end = after;
        }
        Ok(end)
    }

    /// The member whose key stands at `pos`, and where its value begins.
    #[inline(never)]
    fn look_up(&self, input: &mut Input<'_>, pos: usize) -> Result<(Option<usize>, usize), crate::json::input::Failed> {
        if input.byte(pos) != Some(b'"') {
            return input.fail(pos, crate::json::input::Reason::Expected("a key in quotes"));
        }
        let mut scratch = string::Text::default();
        let (key, end) = string::text(input, &mut scratch, pos + 1)?;
        let place = self.table.find(key);
        Ok((place, skip::colon(input, end)?))
    }
}

/// What stands in the quotes of a string without escapes.
pub(super) fn unquoted(input: &Input<'_>, pos: usize, end: usize) -> Option<Vec<u8>> {
    match input.bytes.get(pos..end)? {
        [b'"', text @ .., b'"'] => Some(text.to_vec()),
        _ => None,
    }
}
