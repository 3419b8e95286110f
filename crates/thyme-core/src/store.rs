//! Cursors of sinks that hold none.
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{Cursor, Error, Kind, Result, Task};

mod files;
mod memory;

pub use files::CursorFiles;
pub use memory::MemoryStore;

/// Keeps the cursors of sinks that hold none.
#[async_trait]
pub trait CursorStore: Send + Sync {
    /// The cursor of `task`, if one was saved.
    ///
    /// # Errors
    /// `CursorLost` when what is stored does not parse, `Unavailable` when it can't be read.
    async fn load(&self, task: &Task) -> Result<Option<Cursor>>;

    /// Saves `cursor`, durable when it returns.
    ///
    /// # Errors
    /// `Conflict` when `seq` is not the next one: another process runs this task.
    async fn save(&self, task: &Task, cursor: &Cursor) -> Result<()>;

    /// Sets or, with `None`, forgets the cursor of a stopped pipeline, whatever stands there.
    ///
    /// # Errors
    /// `Unavailable` when it can't be written.
    async fn put(&self, task: &Task, cursor: Option<&Cursor>) -> Result<()>;

    /// Every cursor of `pipeline`, by task.
    ///
    /// # Errors
    /// As [`CursorStore::load`].
    async fn list(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>>;
}

/// A save must follow the one before it.
fn follows(task: &Task, stored: Option<&Cursor>, next: &Cursor) -> Result<()> {
    let stored = stored.map_or(0, |cursor| cursor.seq);
    if next.seq == stored + 1 {
        return Ok(());
    }
    let text = format!("commit {} does not follow commit {stored}: another process runs this task", next.seq);
    Err(Error::new(Kind::Conflict, text).context("task", task))
}
