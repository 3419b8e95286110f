//! What is forgotten, and what never is.
use std::collections::BTreeMap;

use thyme_core::Cursor;

use super::super::packed::key_print;
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
        let listing = Listing { upto: now - HOUR / 3, upto_slow: now - 24 * HOUR, pack: Pack::Keys, passed: None, over: true };
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
    let places = base.packed();
    let known = |hour: i64, n: i64| {
        let entry = entry(&format!("{hour}/{n:05}"), hour * HOUR + n * HOUR / 10_000, false);
        let packed = places.get(&key_print(&entry.key)).is_some_and(|place| place.is_same(&entry));
        packed || base.recent.contains_key(&entry.id) || base.is_forgotten(&entry)
    };
    for hour in 0..3 {
        assert!((0..10_000).all(|n| known(hour, n)), "{hour}");
    }
    assert!(!base.is_forgotten(&entry("new", 3 * HOUR - HOUR / 4, false)), "it may have come after the listing");
}

/// Whether a listing that shows `entry` again takes it for one that was read.
fn known(base: &Base, places: &HashMap<u64, Place>, entry: &Entry) -> bool {
    let packed = places.get(&key_print(&entry.key)).is_some_and(|place| place.is_same(entry));
    packed || base.recent.contains_key(&entry.id) || base.is_forgotten(entry)
}

#[test]
fn a_long_listing_forgets_what_it_has_passed() {
    let (now, keys) = (100 * HOUR, 200_000_i64);
    // In no order of time: old ones, and now and then one that can't be forgotten yet.
    let listed = |n: i64| {
        entry(&format!("in/{n:08}"), now - if n % 10 == 0 { HOUR / 6 } else { HOUR + n * 7 % 1_000 * SECOND }, n % 97 == 0)
    };
    let (mut base, mut cursor) = (Base::default(), Cursor::default());
    let listing = |passed, over| Listing { upto: now - HOUR / 3, upto_slow: now - 24 * HOUR, pack: Pack::Keys, passed, over };
    for from in (0..keys).step_by(1_000) {
        let read = (from..from + 1_000).map(|n| {
            let seen = Seen::new(&listed(n), At { end: End::Whole, ..At::default() });
            (seen.key.clone(), Some(seen))
        });
        let passed = Some(listed(from + 999).key);
        base.go_on(&BTreeMap::new(), &read.collect(), &listing(passed, false), &mut cursor);
        assert!(serde_json::to_string(&base).unwrap().len() < Cursor::MAX_BYTES, "at {from}");
        if from % 50_000 == 0 {
            let places = base.packed();
            assert!((0..from + 1_000).all(|n| known(&base, &places, &listed(n))), "at {from}");
            assert!(!known(&base, &places, &listed(from + 1_001)), "behind it nothing is known");
        }
    }
    base.go_on(&BTreeMap::new(), &BTreeMap::new(), &listing(None, true), &mut cursor);
    let places = base.packed();
    assert!((0..keys).all(|n| known(&base, &places, &listed(n))));
    assert!(!base.is_forgotten(&entry("new", now - HOUR / 4, false)) && !base.is_forgotten(&entry("parts", now - HOUR, true)));
}
