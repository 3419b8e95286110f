//! What the cursor remembers of a table: how far it was read, and the poll that is under way.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thyme_core::{Cursor, Error, Kind, Position, Result};

use super::key::Key;

/// The position of the source as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Base {
    /// The columns that order the rows. Other columns, other places.
    pub(super) by: Vec<String>,
    /// What the columns were that were read last, by name: another type is noticed even where it could be read as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) types: BTreeMap<String, String>,
    /// All rows up to here are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Key>,
    /// The poll under way: its ranges and its bound are never fixed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) poll: Option<Poll>,
    /// With `lookback`: rows at the end of what is done.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub(super) seen: Seen,
    /// A source without a cursor column was read to its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) whole: bool,
}

/// A poll under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Poll {
    /// Nothing after this place is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bound: Option<Key>,
    /// With `lookback`: the cursor value from which rows are looked at again, and that from which they are remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Again>,
    /// What is read side by side.
    pub(super) ranges: Vec<Range>,
}

/// The windows of `lookback`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    /// Rows from this cursor value on are looked at again; `None` in a first read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// Rows from this cursor value on are remembered.
    pub(super) keep: String,
}

/// A part of a poll.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Range {
    /// All rows between the last poll and the bound.
    Rows,
    /// Rows without a cursor value.
    NoCursor,
    /// Rows of a first read from one value of the partition column to below another.
    Part {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Rows without a value in the partition column.
    NoPart,
}

impl Range {
    /// The split that it is read as.
    pub(super) fn split(&self, at: usize) -> String {
        match self {
            Self::Rows => "rows".to_owned(),
            Self::NoCursor => "no-cursor".to_owned(),
            Self::Part { .. } => format!("part-{at}"),
            Self::NoPart => "no-part".to_owned(),
        }
    }
}

/// How far a range was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Place {
    /// Up to the row with these values in the columns that order the range.
    At {
        key: Key,
        #[serde(default, skip_serializing_if = "Seen::is_empty")]
        seen: Seen,
    },
    /// So many rows, in an order that nobody can find again.
    Unordered(u64),
    /// To its end.
    Done {
        #[serde(default, skip_serializing_if = "Seen::is_empty")]
        seen: Seen,
    },
}

impl Place {
    pub(super) fn of(position: &Position) -> Result<Self> {
        position.get()
    }
}

impl Base {
    /// The types of the columns that were read last.
    pub(super) fn known(cursor: &Cursor) -> Result<BTreeMap<String, String>> {
        Ok(cursor.base.as_ref().map(Position::get::<Self>).transpose()?.unwrap_or_default().types)
    }

    /// What a cursor holds, checked against the columns that order the rows now.
    pub(super) fn of(cursor: &Cursor, by: &[String]) -> Result<Self> {
        let Some(base) = &cursor.base else { return Ok(Self { by: by.to_vec(), ..Self::default() }) };
        let base: Self = base.get()?;
        if base.by != by {
            let text = "the stored position is one of other columns, and there is no way from one to the other";
            return Err(Error::new(Kind::CursorLost, text).context("stored", base.by.join(", ")).context("now", by.join(", ")));
        }
        Ok(base)
    }
}

/// Hashes of rows, as hexadecimal digits without anything between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Seen(pub(super) BTreeSet<i64>);

impl Seen {
    /// Two of these fit into a cursor.
    const MOST: usize = 14_000;

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a row.
    pub(super) fn add(&mut self, hash: i64) -> Result<()> {
        self.0.insert(hash);
        if self.0.len() <= Self::MOST {
            return Ok(());
        }
        let text = format!("`lookback` reaches back over more than {} rows, which is all that can be remembered", Self::MOST);
        Err(Error::new(Kind::Config, text).context("remedy", "make it shorter"))
    }
}

impl From<Seen> for String {
    fn from(seen: Seen) -> Self {
        seen.0.iter().map(|hash| format!("{hash:016x}")).collect()
    }
}

impl TryFrom<String> for Seen {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        if !text.len().is_multiple_of(16) || !text.is_ascii() {
            return Err("hashes of rows have 16 digits".to_owned());
        }
        let hash = |at: usize| {
            let digits = text.get(at * 16..at * 16 + 16).unwrap_or_default();
            u64::from_str_radix(digits, 16).map(|hash| hash as i64).map_err(|e| e.to_string())
        };
        Ok(Self((0..text.len() / 16).map(hash).collect::<std::result::Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_survive_json_and_a_full_cursor_fits() {
        let hashes = (0..Seen::MOST as i64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64));
        let seen = Seen(hashes.chain([-1, 0, i64::MIN, i64::MAX]).collect());
        let json = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Seen>(&json).unwrap(), seen);
        assert!(json.len() * 2 + 10_000 < Cursor::MAX_BYTES, "{}", json.len());
        assert!(serde_json::from_str::<Seen>("\"12\"").is_err());
        assert!(serde_json::from_str::<Seen>("\"xxxxxxxxxxxxxxxx\"").is_err());
    }
}
