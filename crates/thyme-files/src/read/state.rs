//! What a cursor remembers of files: how far each was read, and how to know it again.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::packed::Packed;
use crate::storage::Entry;

/// Bytes at the front of a file, and before the place that was reached, by which it is known again.
pub(super) const PRINT_BYTES: usize = 1024;

/// A place in a file, and what lies before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64, u64, u64, u8)", into = "(u64, u64, u64, u64, u64, u8)")]
pub(super) struct At {
    /// Bytes of the decompressed file that are done with; of a Parquet file its rows.
    pub(super) offset: u64,
    /// Newlines in those bytes.
    pub(super) lines: u64,
    /// Records in those bytes, bad ones too.
    pub(super) records: u64,
    /// Print of the first bytes, at most [`PRINT_BYTES`] and not beyond `offset`; of a Parquet file its first bytes.
    pub(super) head: u64,
    /// Print of as many bytes before `offset`; of a Parquet file its last bytes.
    pub(super) tail: u64,
    /// How the reading ended there.
    pub(super) end: End,
}

/// How the reading of a file ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// In the middle: there is more to read.
    #[default]
    Inside,
    /// At its end.
    Whole,
    /// At its end; the last record has no line end, and was taken.
    Unended,
    /// Before a last line that is not finished and may be going on.
    Growing,
    /// The same, and it was reported as a bad record.
    Cut,
    /// Where the file is damaged.
    Damaged,
}

impl End {
    const ALL: [Self; 6] = [Self::Inside, Self::Whole, Self::Unended, Self::Growing, Self::Cut, Self::Damaged];
}

impl From<(u64, u64, u64, u64, u64, u8)> for At {
    fn from((offset, lines, records, head, tail, end): (u64, u64, u64, u64, u64, u8)) -> Self {
        let end = End::ALL.get(usize::from(end)).copied().unwrap_or_default();
        Self { offset, lines, records, head, tail, end }
    }
}

impl From<At> for (u64, u64, u64, u64, u64, u8) {
    fn from(at: At) -> Self {
        (at.offset, at.lines, at.records, at.head, at.tail, at.end as u8)
    }
}

/// A file as it was when it was read, and how far that went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    #[serde(rename = "k")]
    pub(super) key: String,
    #[serde(rename = "v", default, skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
    #[serde(rename = "s")]
    pub(super) size: u64,
    #[serde(rename = "m")]
    pub(super) modified: i64,
    #[serde(rename = "c")]
    pub(super) changed: i64,
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) slow: bool,
    #[serde(rename = "a")]
    pub(super) at: At,
}

impl Seen {
    /// The file of `entry`, read up to `at`.
    pub(super) fn new(entry: &Entry, at: At) -> Self {
        let Entry { key, version, size, modified, changed, slow, .. } = entry.clone();
        Self { key, version, size, modified, changed, slow, at }
    }

    /// Whether `entry` is this content still, as far as a listing can tell.
    pub(super) fn is_same(&self, entry: &Entry) -> bool {
        // The same bytes put again are the same.
        let same = !self.version.is_empty() || self.modified == entry.modified;
        same && self.size == entry.size && self.version == entry.version
    }

    /// About as many bytes of JSON as it takes, with its id.
    pub(super) fn weight(&self, id: &str) -> usize {
        150 + self.key.len() + self.version.len() + id.len()
    }
}

/// A file to be read, from `seen.at` on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    #[serde(rename = "i")]
    pub(super) id: String,
    #[serde(rename = "w")]
    pub(super) seen: Seen,
}

/// Where the source as a whole stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Base {
    /// A file that is not in `recent` and came before this, in µs, was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) horizon: Option<i64>,
    /// The same for files whose time may lie long before they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slow_horizon: Option<i64>,
    /// Of a listing under way: each file up to this key that came up to this time is in `recent`, in `groups`, or forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) passed: Option<(String, i64)>,
    /// The newest time of a file that was forgotten: what the horizon becomes at the end of the listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) forgot: Option<i64>,
    /// The same of those whose time may lie long before they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slow_forgot: Option<i64>,
    /// What the last listing that came to its end has met: all files that came up to the first time, and of those whose time may
    /// lie long before they came all up to the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) met: Option<(i64, i64)>,
    /// Files modified before this, in µs, are not read: where the source was told to begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<i64>,
    /// The number of the next group.
    pub(super) next: u64,
    /// The groups that were given out and are not read to their end.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) groups: BTreeMap<u64, Vec<Work>>,
    /// What was read, by the file's id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) recent: BTreeMap<String, Seen>,
    /// What was read to its end and can't be forgotten yet, where files don't change.
    #[serde(skip_serializing_if = "Packed::is_empty")]
    pub(super) packed: Packed,
    /// The same of what the listing under way has passed: it can be forgotten before that listing is over.
    #[serde(skip_serializing_if = "Packed::is_empty")]
    pub(super) passing: Packed,
}

/// How far a group was read: its files up to the one at hand, which is the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GroupAt {
    #[serde(rename = "f")]
    pub(super) files: Vec<Seen>,
    /// All of the group was read.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) over: bool,
}

/// FNV-1a over 64 bits: the same on every machine and in every release.
pub(super) fn print(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
