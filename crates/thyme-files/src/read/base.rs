//! How the cursor's base goes on: groups given out, read, remembered, and in the end forgotten.
use std::collections::BTreeMap;

use thyme_core::{Cursor, Position, SplitId};

use super::state::{Base, End, GroupAt, Seen, Work};
use crate::storage::Entry;

/// Bytes of JSON that files which were read may take; with the groups at work it stays below [`Cursor::MAX_BYTES`].
const REMEMBERED: usize = 400 * 1024;

/// The id of a group's split: sorts as it counts.
pub(super) fn split_of(group: u64) -> SplitId {
    format!("{group:09}").into()
}

/// What a listing has come to.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// All files that came up to this time are met by it, in µs.
    pub(super) upto: i64,
    /// The last key whose file was given out, or found to be read.
    pub(super) passed: Option<String>,
    /// It came to its end.
    pub(super) over: bool,
}

impl Base {
    /// Whether `entry`, which is in neither `recent` nor `groups`, was read and forgotten.
    pub(super) fn is_forgotten(&self, entry: &Entry) -> bool {
        let done = |until: Option<i64>| until.is_some_and(|until| entry.changed <= until);
        let passed = self.passed.as_ref().is_some_and(|(key, _)| entry.key <= *key);
        done(self.horizon) || passed && done(self.forgot)
    }

    /// Whether `entry`, which is not known, may be a file that was read, forgotten and changed since: it was there before.
    pub(super) fn may_be_forgotten(&self, entry: &Entry) -> bool {
        let there = |until: Option<i64>| entry.created.is_some_and(|created| until.is_some_and(|until| created <= until));
        let passed = self.passed.as_ref().is_some_and(|(key, _)| entry.key <= *key);
        there(self.horizon) || passed && there(self.forgot)
    }

    /// Bytes of JSON of the files that are remembered.
    pub(super) fn weight(&self) -> usize {
        self.recent.iter().map(|(id, seen)| seen.weight(id)).sum()
    }

    /// Whether one more file can be remembered that came after `upto`, so that no end of a listing can forget it.
    pub(super) fn has_room(&self, late: usize, upto: i64) -> bool {
        let stay = self.recent.iter().filter(|(_, seen)| seen.changed > upto);
        stay.map(|(id, seen)| seen.weight(id)).sum::<usize>() + late < REMEMBERED / 2
    }

    /// Enters the groups given out since, takes out those that were read, and forgets the oldest files when there are too many:
    /// as many as it returns.
    pub(super) fn go_on(
        &mut self,
        issued: &BTreeMap<u64, Vec<Work>>,
        edits: &BTreeMap<String, Option<Seen>>,
        listing: &Listing,
        cursor: &mut Cursor,
    ) -> usize {
        for (number, works) in issued.range(self.next..) {
            self.groups.insert(*number, works.clone());
            self.next = number + 1;
        }
        for (id, edit) in edits {
            match edit {
                Some(seen) => self.recent.insert(id.clone(), seen.clone()),
                None => self.recent.remove(id),
            };
        }
        self.groups.retain(|number, works| {
            let split = split_of(*number);
            let Some(at) = cursor.splits.get(&split).and_then(over) else { return true };
            cursor.splits.remove(&split);
            for (work, seen) in works.iter().zip(at.files) {
                if seen.at.offset > 0 || seen.at.end != End::Inside {
                    self.recent.insert(work.id.clone(), seen);
                }
            }
            false
        });
        self.pass(listing);
        self.forget(listing)
    }

    fn pass(&mut self, listing: &Listing) {
        if listing.over {
            self.passed = None;
            self.horizon = self.horizon.max(self.forgot.take());
        } else if let Some(key) = &listing.passed
            && self.passed.as_ref().is_none_or(|(before, _)| key >= before)
        {
            self.passed = Some((key.clone(), listing.upto));
        }
    }

    /// Forgets the oldest files when there are too many; how many.
    fn forget(&mut self, listing: &Listing) -> usize {
        let groups: usize = self.groups.values().flatten().map(|work| 2 * work.seen.weight(&work.id)).sum();
        let most = REMEMBERED.saturating_sub(groups).max(REMEMBERED / 8);
        let mut weight = self.weight();
        if weight <= most {
            return 0;
        }
        // Only what no listing can bring up again as new may go.
        let may_go = |seen: &Seen| {
            let met = listing.over && seen.changed <= listing.upto;
            let passed = self.passed.as_ref().is_some_and(|(key, upto)| seen.key <= *key && seen.changed <= *upto);
            met || passed || self.horizon.is_some_and(|until| seen.changed <= until)
        };
        let mut old: Vec<_> =
            self.recent.iter().filter(|(_, seen)| may_go(seen)).map(|(id, seen)| (seen.changed, id.clone())).collect();
        old.sort_unstable();
        let mut gone = 0;
        for (changed, id) in old {
            if weight <= most / 4 * 3 {
                break;
            }
            weight -= self.recent.remove(&id).map_or(0, |seen| seen.weight(&id));
            let until = if listing.over { &mut self.horizon } else { &mut self.forgot };
            *until = (*until).max(Some(changed));
            gone += 1;
        }
        gone
    }
}

fn over(position: &Position) -> Option<GroupAt> {
    position.get::<GroupAt>().ok().filter(|at| at.over)
}
