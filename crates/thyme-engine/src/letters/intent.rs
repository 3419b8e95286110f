//! What a replay is about to do, so that a crash in its middle repeats nothing.
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thyme_core::file_name::escape;
use thyme_core::{Error, Kind, Result};

use super::shelf::{Id, Shelf, remove, replace};
use crate::lock::unusable;

/// The letters that commit `seq` brings in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) seq: u64,
    pub(crate) letters: BTreeSet<Id>,
}

impl Intent {
    fn path(shelf: &Shelf, task: &str) -> PathBuf {
        shelf.folder.join(format!("{}.replay", escape(task)))
    }

    /// Keeps it, durable when it returns.
    pub(crate) fn save(&self, shelf: &Shelf, task: &str) -> Result<()> {
        let json = serde_json::to_vec(self).map_err(|e| Error::new(Kind::Unexpected, "a replay has no JSON form").source(e))?;
        replace(&Self::path(shelf, task), &json)
    }

    /// Settles what an earlier replay left: its letters are gone if its commit came to be, else nothing happened. Under the lock
    /// of the pipeline, before any other commit.
    pub(crate) fn settle(shelf: &Shelf, task: &str, seq: u64) -> Result<()> {
        let path = Self::path(shelf, task);
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(unusable(&path, e)),
        };
        let intent: Self = serde_json::from_slice(&json).map_err(|e| {
            Error::new(Kind::Data, "the note of a replay does not parse").context("file", path.display()).source(e)
        })?;
        if seq >= intent.seq {
            shelf.take_out(task, &intent.letters)?;
        }
        remove(&path)
    }
}
