//! How the cursor's base goes on: groups given out, read, remembered, and in the end forgotten.
use std::collections::{BTreeMap, HashMap};

use thyme_core::{Cursor, Position, SplitId};

use super::packed::{Pack, Place};
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
    /// All files that came up to this time are met by it, in µs; and so are the slow ones up to the second.
    pub(super) upto: i64,
    pub(super) upto_slow: i64,
    /// What is kept of files in few bytes.
    pub(super) pack: Pack,
    /// The last key whose file was given out, or found to be read.
    pub(super) passed: Option<String>,
    /// It came to its end.
    pub(super) over: bool,
}

impl Listing {
    /// The time up to which all files of this class are met.
    pub(super) fn upto(&self, slow: bool) -> i64 {
        if slow { self.upto_slow } else { self.upto }
    }

    /// How long after that a file of this class that came at `changed` has to be remembered still, in µs.
    pub(super) fn stays(&self, slow: bool, changed: i64) -> Option<i64> {
        Some(self.pack.stays_until(changed).saturating_sub(self.upto(slow))).filter(|left| *left > 0)
    }
}

impl Base {
    fn horizon(&self, slow: bool) -> Option<i64> {
        if slow { self.slow_horizon } else { self.horizon }
    }

    fn forgot(&self, slow: bool) -> Option<i64> {
        if slow { self.slow_forgot } else { self.forgot }
    }

    /// Whether `entry`, which is in neither `recent` nor `groups`, was read and forgotten.
    pub(super) fn is_forgotten(&self, entry: &Entry) -> bool {
        let done = |until: Option<i64>| until.is_some_and(|until| entry.changed <= until);
        let passed = self.passed.as_ref().is_some_and(|(key, _)| entry.key <= *key);
        done(self.horizon(entry.slow)) || passed && done(self.forgot(entry.slow))
    }

    /// Whether `entry`, which is not known, may be a file that was read, forgotten and changed since: it was there before.
    pub(super) fn may_be_forgotten(&self, entry: &Entry) -> bool {
        let there = |until: Option<i64>| entry.created.is_some_and(|created| until.is_some_and(|until| created <= until));
        let passed = self.passed.as_ref().is_some_and(|(key, _)| entry.key <= *key);
        there(self.horizon(entry.slow)) || passed && there(self.forgot(entry.slow))
    }

    /// Bytes of JSON of the files that are remembered.
    pub(super) fn weight(&self) -> usize {
        self.recent.iter().map(|(id, seen)| seen.weight(id)).sum::<usize>() + self.packed.weight() + self.passing.weight()
    }

    /// All packed files by the prints of their keys.
    pub(super) fn packed(&self) -> HashMap<u64, Place> {
        let mut places = self.packed.places();
        places.extend(self.passing.places());
        places
    }

    /// Files of this class that came up to this time can be forgotten, wherever they are listed.
    fn settled(&self, slow: bool) -> i64 {
        let met = self.met.map(|(upto, upto_slow)| if slow { upto_slow } else { upto });
        self.horizon(slow).max(met).unwrap_or(i64::MIN)
    }

    /// And those of keys that the listing under way has passed, up to this one.
    fn passed_upto(&self, slow: bool, listing: &Listing) -> i64 {
        let later = listing.upto.saturating_sub(listing.upto_slow);
        let upto = |upto: i64| if slow { upto.saturating_sub(later) } else { upto };
        self.passed.as_ref().map_or(i64::MIN, |(_, passed)| upto(*passed))
    }

    fn is_passed(&self, seen: &Seen, listing: &Listing) -> bool {
        let key = self.passed.as_ref().is_some_and(|(key, _)| seen.key <= *key);
        key && seen.changed <= self.passed_upto(seen.slow, listing)
    }

    /// Bytes of JSON that a poll can add in files which no end of its listing can forget, beside those that can't be forgotten
    /// before that end.
    pub(super) fn room(&self, listing: &Listing) -> usize {
        self.room_beside(listing, |slow| self.settled(slow))
    }

    /// The same for the poll after one whose listing came to its end.
    pub(super) fn room_after(&self, listing: &Listing) -> usize {
        self.room_beside(listing, |slow| self.settled(slow).max(listing.upto(slow)))
    }

    fn room_beside(&self, listing: &Listing, settled: impl Fn(bool) -> i64) -> usize {
        let until = |seen: &Seen| listing.pack.stays_until(seen.changed);
        let passed = |seen: &Seen| self.is_passed(seen, listing) && until(seen) <= self.passed_upto(seen.slow, listing);
        let stay = self.recent.iter().filter(|(_, seen)| until(seen) > settled(seen.slow) && !passed(seen));
        match listing.pack {
            Pack::Never => (REMEMBERED / 2).saturating_sub(stay.map(|(id, seen)| seen.weight(id)).sum::<usize>()),
            pack => {
                let passing = |slow: bool| settled(slow).max(self.passed_upto(slow, listing));
                let packed = self.packed.weight_after(&settled) + self.passing.weight_after(passing);
                (REMEMBERED / 16 * 15).saturating_sub(stay.count() * pack.each() + packed)
            }
        }
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
        let mut read = Vec::new();
        self.groups.retain(|number, works| {
            let split = split_of(*number);
            let Some(at) = cursor.splits.get(&split).and_then(over) else { return true };
            cursor.splits.remove(&split);
            for (work, seen) in works.iter().zip(at.files) {
                if seen.at.offset > 0 || seen.at.end != End::Inside {
                    read.push(seen.key.clone());
                    self.recent.insert(work.id.clone(), seen);
                }
            }
            false
        });
        for packed in [&mut self.packed, &mut self.passing] {
            if !packed.is_empty() && !read.is_empty() {
                packed.drop_all(read.iter().map(String::as_str));
            }
        }
        self.pass(listing);
        self.forget(listing)
    }

    fn pass(&mut self, listing: &Listing) {
        if listing.over {
            self.passed = None;
            self.horizon = self.horizon.max(self.forgot.take());
            self.slow_horizon = self.slow_horizon.max(self.slow_forgot.take());
            self.packed.merge(std::mem::take(&mut self.passing));
            // Only where it makes room: a poll that finds nothing new leaves the cursor as it is.
            if self.weight() > REMEMBERED / 4 && self.room_after(listing) > self.room(listing) {
                let (upto, upto_slow) = self.met.unwrap_or((i64::MIN, i64::MIN));
                self.met = Some((upto.max(listing.upto), upto_slow.max(listing.upto_slow)));
            }
        } else if let Some(key) = &listing.passed
            && self.passed.as_ref().is_none_or(|(before, _)| key >= before)
        {
            self.passed = Some((key.clone(), listing.upto));
        }
    }

    /// Packs, then forgets the oldest files when there are too many; how many were forgotten.
    fn forget(&mut self, listing: &Listing) -> usize {
        let groups: usize = self.groups.values().flatten().map(|work| 2 * work.seen.weight(&work.id)).sum();
        let most = REMEMBERED.saturating_sub(groups).max(REMEMBERED / 8);
        if self.weight() <= most {
            return 0;
        }
        self.pack(listing, most / 4 * 3);
        let settled = [false, true].map(|slow| self.settled(slow));
        let settled = |slow: bool| settled[usize::from(slow)];
        let passed = [false, true].map(|slow| self.passed_upto(slow, listing));
        let mut gone = 0;
        while self.weight() > most {
            // Only what no listing can bring up again as new may go.
            let (over, (slow, end, count)) = match self.packed.forget(settled) {
                Some(span) => (true, span),
                None => match self.passing.forget(|slow| passed[usize::from(slow)]) {
                    Some(span) => (false, span),
                    None => break,
                },
            };
            self.forgotten(slow, end, over);
            gone += count;
        }
        let mut weight = self.weight();
        if weight <= most {
            return gone;
        }
        let may_go = |seen: &Seen| seen.changed <= settled(seen.slow) || self.is_passed(seen, listing);
        let mut old: Vec<_> =
            self.recent.iter().filter(|(_, seen)| may_go(seen)).map(|(id, seen)| (seen.changed, id.clone())).collect();
        old.sort_unstable();
        for (changed, id) in old {
            if weight <= most / 4 * 3 {
                break;
            }
            if let Some(seen) = self.recent.remove(&id) {
                weight -= seen.weight(&id);
                self.forgotten(seen.slow, changed, changed <= settled(seen.slow));
            }
            gone += 1;
        }
        gone
    }

    /// A file of this class that came at `changed` is forgotten.
    fn forgotten(&mut self, slow: bool, changed: i64, over: bool) {
        let until = match (slow, over) {
            (false, true) => &mut self.horizon,
            (true, true) => &mut self.slow_horizon,
            (false, false) => &mut self.forgot,
            (true, false) => &mut self.slow_forgot,
        };
        *until = (*until).max(Some(changed));
    }

    /// Packs the oldest files that were read to their end, until all take `most` bytes.
    fn pack(&mut self, listing: &Listing, most: usize) {
        let pack = listing.pack;
        if pack == Pack::Never {
            return;
        }
        let whole = |seen: &Seen| matches!(seen.at.end, End::Whole | End::Unended | End::Cut);
        let mut old: Vec<_> =
            self.recent.iter().filter(|(_, seen)| whole(seen)).map(|(id, seen)| (seen.changed, id.clone())).collect();
        old.sort_unstable();
        let mut weight = self.weight();
        for (_, id) in old {
            if weight <= most {
                break;
            }
            if let Some(seen) = self.recent.remove(&id) {
                weight = (weight - seen.weight(&id)) + pack.each();
                let passed = self.is_passed(&seen, listing);
                if passed { &mut self.passing } else { &mut self.packed }.add(&seen, pack);
            }
        }
    }
}

fn over(position: &Position) -> Option<GroupAt> {
    position.get::<GroupAt>().ok().filter(|at| at.over)
}

#[cfg(test)]
mod tests;
