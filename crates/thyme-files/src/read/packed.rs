//! Many files that were read to their end, in few bytes: prints of their keys, in order, by the time they came.
//!
//! What an object store lists as older than it is can't be forgotten for a while, and that may be tens of thousands of objects.
//! A print has 56 bits: that a new object is taken for one of 50,000 known ones happens once in a million million.
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use thyme_formats::text::base64;

use super::state::{Seen, print};
use crate::storage::Entry;

/// Files that came within this time are kept, and forgotten, together.
const SPAN_US: i64 = 10 * 60 * 1_000_000;
/// Bytes of JSON that one file takes, and more with its version.
const EACH: usize = 10;
const EACH_WITH_VERSION: usize = 15;

/// What of a file is kept when it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pack {
    /// Nothing is packed: files grow and are renamed.
    Never,
    /// Its key: what changed later does not matter.
    Keys,
    /// Its key and its version.
    Versions,
}

impl Pack {
    /// The time from which on a file that came at `changed` can be forgotten: packed files go together with others.
    pub(super) fn stays_until(self, changed: i64) -> i64 {
        if self == Self::Never { changed } else { end(span(changed)) }
    }

    /// Bytes of JSON that a file takes.
    pub(super) fn each(self) -> usize {
        if self == Self::Versions { EACH_WITH_VERSION } else { EACH }
    }
}

/// Packed files. Serialised as a list of spans: slow ones or not, their number, with versions or not, their prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(bool, i64, bool, String)>", into = "Vec<(bool, i64, bool, String)>")]
pub(super) struct Packed {
    spans: BTreeMap<(bool, i64), Span>,
}

/// Prints of keys with those of their versions, 0 where they don't matter.
type Span = BTreeMap<u64, u32>;

/// Where and as what a file was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    slow: bool,
    span: i64,
    version: u32,
}

impl Place {
    /// Whether `entry`, whose key has this place, is what it was then.
    pub(super) fn is_same(&self, entry: &Entry) -> bool {
        let same = (self.slow, self.span) == (entry.slow, span(entry.changed));
        same && (self.version == 0 || self.version == version_print(&entry.version))
    }
}

impl Packed {
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Adds a file, in place of what its key was before.
    pub(super) fn add(&mut self, seen: &Seen, pack: Pack) {
        let key = key_print(&seen.key);
        let version = if pack == Pack::Versions { version_print(&seen.version) } else { 0 };
        self.spans.entry((seen.slow, span(seen.changed))).or_default().insert(key, version);
    }

    /// Takes over what `other` has.
    pub(super) fn merge(&mut self, other: Self) {
        for (at, files) in other.spans {
            self.spans.entry(at).or_default().extend(files);
        }
    }

    /// Takes `files` out, which are known otherwise again.
    pub(super) fn drop_all<'a>(&mut self, keys: impl Iterator<Item = &'a str>) {
        let keys: HashSet<_> = keys.map(key_print).collect();
        for span in self.spans.values_mut() {
            span.retain(|key, _| !keys.contains(key));
        }
        self.spans.retain(|_, span| !span.is_empty());
    }

    /// All files by the prints of their keys.
    pub(super) fn places(&self) -> HashMap<u64, Place> {
        let places = |((slow, span), files): (&(bool, i64), &Span)| {
            let (slow, span) = (*slow, *span);
            files.iter().map(move |(key, version)| (*key, Place { slow, span, version: *version })).collect::<Vec<_>>()
        };
        self.spans.iter().flat_map(places).collect()
    }

    /// Bytes of JSON that the files take which came after `upto`, by their class.
    pub(super) fn weight_after(&self, upto: impl Fn(bool) -> i64) -> usize {
        let late = |((slow, span), _): &(&(bool, i64), &Span)| end(*span) > upto(*slow);
        self.spans.iter().filter(late).map(|(_, files)| weight(files)).sum()
    }

    /// Bytes of JSON that all take.
    pub(super) fn weight(&self) -> usize {
        self.spans.values().map(|files| 40 + weight(files)).sum()
    }

    /// Forgets the oldest span, if all of it came up to `upto`: its class, its end, and how many files it had.
    pub(super) fn forget(&mut self, upto: impl Fn(bool) -> i64) -> Option<(bool, i64, usize)> {
        let old = self.spans.keys().copied().filter(|(slow, span)| end(*span) <= upto(*slow)).min_by_key(|(_, span)| *span)?;
        let files = self.spans.remove(&old)?;
        Some((old.0, end(old.1), files.len()))
    }
}

/// The print of a key, by which [`Packed::places`] has it.
pub(super) fn key_print(key: &str) -> u64 {
    let print = print(key.as_bytes());
    // The last bytes of a key hardly reach the upper bits.
    let mixed = (print ^ (print >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed >> 8
}

fn version_print(version: &str) -> u32 {
    let print = print(version.as_bytes());
    ((print ^ (print >> 32)) as u32).max(1)
}

fn span(changed: i64) -> i64 {
    changed.div_euclid(SPAN_US)
}

/// The last µs of a span.
fn end(span: i64) -> i64 {
    span.saturating_add(1).saturating_mul(SPAN_US) - 1
}

fn weight(files: &Span) -> usize {
    let versions = files.values().any(|version| *version != 0);
    files.len() * if versions { EACH_WITH_VERSION } else { EACH }
}

impl From<Packed> for Vec<(bool, i64, bool, String)> {
    fn from(packed: Packed) -> Self {
        let text = |((slow, span), files): ((bool, i64), Span)| {
            let versions = files.values().any(|version| *version != 0);
            let (mut bytes, mut last) = (Vec::with_capacity(files.len() * 10), 0);
            for (key, version) in files {
                let mut step = key - last;
                last = key;
                while step >= 0x80 {
                    bytes.push(step as u8 | 0x80);
                    step >>= 7;
                }
                bytes.push(step as u8);
                if versions {
                    bytes.extend_from_slice(&version.to_le_bytes());
                }
            }
            let mut text = Vec::new();
            base64::encode(&bytes, &mut text);
            (slow, span, versions, String::from_utf8(text).unwrap_or_default())
        };
        packed.spans.into_iter().map(text).collect()
    }
}

impl TryFrom<Vec<(bool, i64, bool, String)>> for Packed {
    type Error = String;

    fn try_from(spans: Vec<(bool, i64, bool, String)>) -> Result<Self, String> {
        let mut packed = Self::default();
        for (slow, span, versions, text) in spans {
            let mut bytes = Vec::new();
            base64::decode(text.as_bytes(), &mut bytes)?;
            let (mut rest, mut key, files) = (bytes.as_slice(), 0_u64, packed.spans.entry((slow, span)).or_default());
            while !rest.is_empty() {
                let (mut step, mut shift) = (0_u64, 0);
                loop {
                    let (byte, tail) = rest.split_first().ok_or("packed files that are cut off")?;
                    rest = tail;
                    step |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
                    shift += 7;
                    if byte & 0x80 == 0 {
                        break;
                    }
                }
                key = key.checked_add(step).ok_or("packed files out of range")?;
                let mut version = 0;
                if versions {
                    let (four, tail) = rest.split_first_chunk::<4>().ok_or("packed files that are cut off")?;
                    (version, rest) = (u32::from_le_bytes(*four), tail);
                }
                files.insert(key, version);
            }
        }
        Ok(packed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{At, Seen};
    use super::{Pack, Packed, key_print};

    fn seen(key: String, changed: i64) -> Seen {
        Seen { version: format!("v{key}"), key, size: 1, modified: changed, changed, slow: changed % 7 == 0, at: At::default() }
    }

    #[test]
    fn comes_back_and_is_as_small_as_it_says() {
        for pack in [Pack::Keys, Pack::Versions] {
            let mut packed = Packed::default();
            for number in 0..30_000_i64 {
                packed.add(&seen(format!("events/2024/part-{number:08}.jsonl"), number * 50_000), pack);
            }
            assert_eq!(packed.places().len(), 30_000);
            let json = serde_json::to_string(&packed).unwrap();
            assert!(json.len() <= packed.weight() + packed.weight() / 16, "{} of {}", json.len(), packed.weight());
            assert_eq!(serde_json::from_str::<Packed>(&json).unwrap(), packed);
            packed.drop_all(["events/2024/part-00000007.jsonl"].into_iter());
            assert!(!packed.places().contains_key(&key_print("events/2024/part-00000007.jsonl")));
        }
    }

    #[test]
    fn spans_are_forgotten_as_a_whole_and_by_class() {
        let mut packed = Packed::default();
        (0..7).for_each(|n| packed.add(&seen(n.to_string(), n), Pack::Keys));
        assert_eq!(packed.forget(|_| 1_000), None);
        assert_eq!(packed.forget(|slow| if slow { 0 } else { i64::MAX }).map(|(slow, _, count)| (slow, count)), Some((false, 6)));
        assert_eq!(packed.places().len(), 1);
    }
}
