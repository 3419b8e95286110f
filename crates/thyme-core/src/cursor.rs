//! How far a task got.
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// A part of a source that is read in order. Stable over restarts; the plan knows what stands behind it.
pub type SplitId = Arc<str>;

/// A connector's own place, as JSON. Core stores it, prints it, compares it for equality, and never looks inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(serde_json::Value);

impl Position {
    /// Keeps `value`. A value that has no JSON form (a map with keys that are not text) is kept as null.
    pub fn of(value: &impl Serialize) -> Self {
        Self(serde_json::to_value(value).unwrap_or_default())
    }

    /// The value again.
    ///
    /// # Errors
    /// `CursorLost` for a position of an older release that no longer parses: never a silent restart.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.0)
            .map_err(|e| Error::new(Kind::CursorLost, "a stored position does not parse").context("position", &self.0).source(e))
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a task got: what the sink, or the cursor store, keeps with the data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Commits so far. Makes file names and fences; a store refuses to go back.
    pub seq: u64,
    /// [`SourceInfo::identity`](crate::SourceInfo::identity): the cursor of another table is refused, not applied.
    pub source: String,
    /// Position of the source as a whole, with the bounds of a poll under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Position>,
    /// Position of each split that is not folded into `base`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: BTreeMap<SplitId, Position>,
    /// Highest event time, in µs since 1970, that counts for lateness: of the last finished poll, or of the stream so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<i64>,
    /// The source has been read to its end under `@once`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
}

impl Cursor {
    /// The largest cursor, as JSON. `Plan::fold` keeps cursors below it.
    pub const MAX_BYTES: usize = 512 * 1024;

    /// The start of a source.
    pub fn start(source: impl Into<String>) -> Self {
        Self { source: source.into(), ..Self::default() }
    }

    /// As one line of JSON, checked against [`Cursor::MAX_BYTES`].
    ///
    /// # Errors
    /// `Unexpected` when it is too large: the connector must fold more.
    pub fn to_json(&self) -> Result<String> {
        let json =
            serde_json::to_string(self).map_err(|e| Error::new(Kind::Unexpected, "the cursor has no JSON form").source(e))?;
        if json.len() > Self::MAX_BYTES {
            let text = format!("the cursor is {} bytes, at most {} are allowed", json.len(), Self::MAX_BYTES);
            return Err(Error::new(Kind::Unexpected, text).context("splits", self.splits.len()));
        }
        Ok(json)
    }

    /// Reads what [`Cursor::to_json`] wrote.
    ///
    /// # Errors
    /// `CursorLost` when it does not parse.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|e| Error::new(Kind::CursorLost, "a stored cursor does not parse").source(e))
    }
}
