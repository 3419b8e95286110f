//! Cursors as small JSON files of the state.
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::{CursorStore, follows};
use crate::file_name::{escape, unescape};
use crate::state::{IntoStateFiles, StateFiles, Version};
use crate::{Cursor, Result, Task};

/// Keeps each cursor in `<pipeline>/cursors/<task>.json`. Characters of a task's name that a file name can't hold are written as
/// `%XX`.
#[derive(Clone, Debug)]
pub struct CursorFiles {
    files: Arc<dyn StateFiles>,
}

impl CursorFiles {
    /// Keeps cursors among `files`, or in a folder.
    pub fn new(files: impl IntoStateFiles) -> Self {
        Self { files: files.into_state_files() }
    }

    async fn read(&self, name: &str) -> Result<Option<(Cursor, Version)>> {
        let Some(stored) = self.files.read(name).await? else { return Ok(None) };
        let cursor = Cursor::from_json(&stored.bytes).map_err(|e| e.context("file", self.files.place(name)))?;
        Ok(Some((cursor, stored.version)))
    }

    async fn write(&self, name: &str, cursor: &Cursor, seen: Option<&Version>) -> Result<()> {
        let json = format!("{}\n", cursor.to_json()?);
        self.files.swap(name, json.into(), seen).await
    }
}

fn folder(pipeline: &str) -> String {
    format!("{}/cursors", escape(pipeline))
}

fn name(task: &Task) -> String {
    format!("{}/{}.json", folder(&task.pipeline), escape(&task.task))
}

#[async_trait]
impl CursorStore for CursorFiles {
    async fn load(&self, task: &Task) -> Result<Option<Cursor>> {
        Ok(self.read(&name(task)).await?.map(|(cursor, _)| cursor))
    }

    async fn save(&self, task: &Task, cursor: &Cursor) -> Result<()> {
        let stored = self.read(&name(task)).await?;
        follows(task, stored.as_ref().map(|(cursor, _)| cursor), cursor)?;
        let written = self.write(&name(task), cursor, stored.as_ref().map(|(_, version)| version)).await;
        written.map_err(|e| e.context("task", task))
    }

    async fn put(&self, task: &Task, cursor: Option<&Cursor>) -> Result<()> {
        let Some(cursor) = cursor else { return self.files.remove(&name(task)).await };
        let seen = self.files.read(&name(task)).await?.map(|stored| stored.version);
        self.write(&name(task), cursor, seen.as_ref()).await
    }

    async fn list(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let folder = folder(pipeline);
        let mut cursors = BTreeMap::new();
        for file in self.files.list(&folder).await? {
            let Some(task) = file.strip_suffix(".json") else { continue };
            if let Some((cursor, _)) = self.read(&format!("{folder}/{file}")).await? {
                cursors.insert(unescape(task).into(), cursor);
            }
        }
        Ok(cursors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[tokio::test]
    async fn saves_lists_and_refuses_to_go_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = CursorFiles::new(folder.path());
        let task = Task { pipeline: "orders".into(), task: "topic/../7 é".into() };
        assert_eq!(store.load(&task).await.unwrap(), None);
        let cursor = Cursor { seq: 1, ..Cursor::start("memory") };
        store.save(&task, &cursor).await.unwrap();
        assert_eq!(store.load(&task).await.unwrap(), Some(cursor.clone()));
        assert_eq!(store.save(&task, &cursor).await.unwrap_err().kind(), Kind::Conflict);
        assert_eq!(store.list("orders").await.unwrap().into_iter().collect::<Vec<_>>(), [(Arc::clone(&task.task), cursor)]);
        std::fs::write(folder.path().join(name(&task)), "{").unwrap();
        assert_eq!(store.load(&task).await.unwrap_err().kind(), Kind::CursorLost);
        store.put(&task, None).await.unwrap();
        assert_eq!(store.load(&task).await.unwrap(), None);
    }
}
