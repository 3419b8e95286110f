//! How the cursor's base goes on: groups given out, read, remembered, and in the end forgotten.
use std::collections::BTreeMap;

use thyme_core::{Cursor, Position, SplitId};

use super::packed::Pack;
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
        self.recent.iter().map(|(id, seen)| seen.weight(id)).sum::<usize>() + self.packed.weight()
    }

    /// Bytes of JSON that a poll can add in files which no end of its listing can forget.
    pub(super) fn room(&self, listing: &Listing) -> usize {
        let stay = self.recent.iter().filter(|(_, seen)| seen.changed > listing.upto(seen.slow));
        match listing.pack {
            Pack::Never => (REMEMBERED / 2).saturating_sub(stay.map(|(id, seen)| seen.weight(id)).sum::<usize>()),
            pack => {
                let held = stay.count() * pack.each() + self.packed.weight_after(|slow| listing.upto(slow));
                (REMEMBERED / 16 * 15).saturating_sub(held)
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
        if !self.packed.is_empty() && !read.is_empty() {
            self.packed.drop_all(read.iter().map(String::as_str));
        }
        self.pass(listing);
        self.forget(listing)
    }

    fn pass(&mut self, listing: &Listing) {
        if listing.over {
            self.passed = None;
            self.horizon = self.horizon.max(self.forgot.take());
            self.slow_horizon = self.slow_horizon.max(self.slow_forgot.take());
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
        self.pack(listing.pack, most / 4 * 3);
        let met = |slow: bool| if listing.over { listing.upto(slow) } else { i64::MIN };
        let until = [false, true].map(|slow| self.horizon(slow).unwrap_or(i64::MIN).max(met(slow)));
        let upto = |slow: bool| if slow { until[1] } else { until[0] };
        let mut gone = 0;
        while self.weight() > most
            && let Some((slow, end, count)) = self.packed.forget(upto)
        {
            self.forgotten(slow, end, true);
            gone += count;
        }
        let mut weight = self.weight();
        if weight <= most {
            return gone;
        }
        // Only what no listing can bring up again as new may go.
        let later = listing.upto.saturating_sub(listing.upto_slow);
        let may_go = |seen: &Seen| {
            let met = listing.over && seen.changed <= listing.upto(seen.slow);
            let until = |upto: i64| if seen.slow { upto.saturating_sub(later) } else { upto };
            let passed = self.passed.as_ref().is_some_and(|(key, upto)| seen.key <= *key && seen.changed <= until(*upto));
            met || passed || self.horizon(seen.slow).is_some_and(|until| seen.changed <= until)
        };
        let mut old: Vec<_> =
            self.recent.iter().filter(|(_, seen)| may_go(seen)).map(|(id, seen)| (seen.changed, id.clone())).collect();
        old.sort_unstable();
        for (changed, id) in old {
            if weight <= most / 4 * 3 {
                break;
            }
            if let Some(seen) = self.recent.remove(&id) {
                weight -= seen.weight(&id);
                self.forgotten(seen.slow, changed, listing.over);
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
    fn pack(&mut self, pack: Pack, most: usize) {
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
                self.packed.add(&seen, pack);
            }
        }
    }
}

fn over(position: &Position) -> Option<GroupAt> {
    position.get::<GroupAt>().ok().filter(|at| at.over)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use thyme_core::Cursor;

    use super::super::state::{At, Seen};
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;

    fn entry(key: &str, changed: i64, slow: bool) -> Entry {
        let (id, version) = (key.to_owned(), format!("v-{key}"));
        Entry { key: key.to_owned(), size: 1, modified: changed, changed, created: None, id, version, slow }
    }

    /// Ten thousand objects an hour for as many hours, each read as soon as it is there.
    fn after(hours: i64) -> Base {
        let (mut base, mut cursor) = (Base::default(), Cursor::default());
        for hour in 0..hours {
            let now = (hour + 1) * HOUR;
            let read = (0..10_000).map(|n| {
                let seen = Seen::new(&entry(&format!("{hour}/{n:05}"), hour * HOUR + n * HOUR / 10_000, false), At::default());
                (seen.key.clone(), Some(Seen { at: At { end: End::Whole, ..At::default() }, ..seen }))
            });
            let edits: BTreeMap<_, _> = read.collect();
            let listing =
                Listing { upto: now - HOUR / 3, upto_slow: now - 24 * HOUR, pack: Pack::Keys, passed: None, over: true };
            base.go_on(&BTreeMap::new(), &edits, &listing, &mut cursor);
            assert!(serde_json::to_string(&base).unwrap().len() < REMEMBERED + REMEMBERED / 16);
        }
        base
    }

    #[test]
    fn what_was_uploaded_in_parts_comes_late_and_is_new() {
        let base = after(12);
        let horizon = base.horizon.unwrap();
        assert!(horizon > 6 * HOUR && horizon < 12 * HOUR - HOUR / 3, "{horizon}");
        // Begun an hour before the newest that was forgotten, completed now.
        assert!(!base.is_forgotten(&entry("late", horizon - HOUR, true)));
        // An object put in one piece at that time was there, and was read.
        assert!(base.is_forgotten(&entry("11/00000", horizon - HOUR, false)));
    }

    #[test]
    fn nothing_is_forgotten_that_a_listing_can_bring_up_again() {
        let base = after(3);
        let places = base.packed.places();
        let known = |hour: i64, n: i64| {
            let entry = entry(&format!("{hour}/{n:05}"), hour * HOUR + n * HOUR / 10_000, false);
            let packed = places.get(&super::super::packed::key_print(&entry.key)).is_some_and(|place| place.is_same(&entry));
            packed || base.recent.contains_key(&entry.id) || base.is_forgotten(&entry)
        };
        for hour in 0..3 {
            assert!((0..10_000).all(|n| known(hour, n)), "{hour}");
        }
        assert!(!base.is_forgotten(&entry("new", 3 * HOUR - HOUR / 4, false)), "it may have come after the listing");
    }
}
