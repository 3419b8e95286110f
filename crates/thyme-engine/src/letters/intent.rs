//! What a replay is about to do, so that a crash in its middle repeats nothing.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thyme_core::file_name::escape;
use thyme_core::{Error, Kind, Result, state};

use super::shelf::{Id, Shelf};

/// The letters that commit `seq` brings in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) seq: u64,
    pub(crate) letters: BTreeSet<Id>,
}

impl Intent {
    fn name(shelf: &Shelf, task: &str) -> String {
        format!("{}/{}.replay", shelf.folder, escape(task))
    }

    /// Keeps it, durable when it returns.
    pub(crate) async fn save(&self, shelf: &Shelf, task: &str) -> Result<()> {
        let json = serde_json::to_vec(self).map_err(|e| Error::new(Kind::Unexpected, "a replay has no JSON form").source(e))?;
        state::replace(shelf.files.as_ref(), &Self::name(shelf, task), &json).await
    }

    /// Settles what an earlier replay left: its letters are gone if its commit came to be, else nothing happened. Under the lock
    /// of the pipeline, before any other commit.
    pub(crate) async fn settle(shelf: &Shelf, task: &str, seq: u64) -> Result<()> {
        let name = Self::name(shelf, task);
        let Some(stored) = shelf.files.read(&name).await? else { return Ok(()) };
        let intent: Self = serde_json::from_slice(&stored.bytes).map_err(|e| {
            Error::new(Kind::Data, "the note of a replay does not parse").context("file", shelf.files.place(&name)).source(e)
        })?;
        if seq >= intent.seq {
            shelf.take_out(task, &intent.letters).await?;
        }
        shelf.files.remove(&name).await
    }
}
