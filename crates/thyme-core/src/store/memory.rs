//! Cursors in memory: for tests, and for runs that need not resume.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{CursorStore, follows};
use crate::{Cursor, Result, Task};

/// Keeps cursors as long as it lives.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<BTreeMap<Task, Cursor>>>);

impl MemoryStore {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<Task, Cursor>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl CursorStore for MemoryStore {
    async fn load(&self, task: &Task) -> Result<Option<Cursor>> {
        Ok(self.with(|cursors| cursors.get(task).cloned()))
    }

    async fn save(&self, task: &Task, cursor: &Cursor) -> Result<()> {
        self.with(|cursors| {
            follows(task, cursors.get(task), cursor)?;
            cursors.insert(task.clone(), cursor.clone());
            Ok(())
        })
    }

    async fn put(&self, task: &Task, cursor: Option<&Cursor>) -> Result<()> {
        self.with(|cursors| match cursor {
            Some(cursor) => cursors.insert(task.clone(), cursor.clone()),
            None => cursors.remove(task),
        });
        Ok(())
    }

    async fn list(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        Ok(self.with(|cursors| {
            let of = cursors.iter().filter(|(task, _)| *task.pipeline == *pipeline);
            of.map(|(task, cursor)| (Arc::clone(&task.task), cursor.clone())).collect()
        }))
    }
}
