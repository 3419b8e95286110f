//! Cursors as small JSON files, replaced atomically: `cat` and `jq` read them beside a running pipeline.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::{CursorStore, follows};
use crate::file_name::{escape, unescape};
use crate::{Cursor, Error, Kind, Result, Task};

/// Keeps each cursor in `<root>/<pipeline>/cursors/<task>.json`.
///
/// A save writes a new file, syncs it, renames it over the old one and syncs the folder: after a crash the file holds the old
/// cursor or the new one, whole. Characters of a task's name that a file name can't hold are written as `%XX`.
#[derive(Clone, Debug)]
pub struct DiskStore {
    root: PathBuf,
}

impl DiskStore {
    /// Keeps cursors below `root`; folders are made when the first is saved.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn folder(&self, pipeline: &str) -> PathBuf {
        self.root.join(escape(pipeline)).join("cursors")
    }

    fn path(&self, task: &Task) -> PathBuf {
        self.folder(&task.pipeline).join(format!("{}.json", escape(&task.task)))
    }

    fn read(path: &Path) -> Result<Option<Cursor>> {
        match fs::read(path) {
            Ok(json) => Cursor::from_json(&json).map(Some).map_err(|e| e.context("file", path.display())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unreadable(path, e)),
        }
    }

    fn write(&self, task: &Task, cursor: &Cursor) -> Result<()> {
        let (folder, path) = (self.folder(&task.pipeline), self.path(task));
        let json = cursor.to_json()?;
        let fresh = path.with_extension("json.new");
        let write = || {
            fs::create_dir_all(&folder)?;
            let mut file = File::create(&fresh)?;
            file.write_all(json.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(&folder)?.sync_all()
        };
        write().map_err(|e| unreadable(&path, e))
    }
}

#[async_trait]
impl CursorStore for DiskStore {
    async fn load(&self, task: &Task) -> Result<Option<Cursor>> {
        Self::read(&self.path(task))
    }

    async fn save(&self, task: &Task, cursor: &Cursor) -> Result<()> {
        follows(task, Self::read(&self.path(task))?.as_ref(), cursor)?;
        self.write(task, cursor)
    }

    async fn put(&self, task: &Task, cursor: Option<&Cursor>) -> Result<()> {
        let path = self.path(task);
        match cursor {
            Some(cursor) => self.write(task, cursor),
            None => match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(unreadable(&path, e)),
                _ => Ok(()),
            },
        }
    }

    async fn list(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let folder = self.folder(pipeline);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(e) => return Err(unreadable(&folder, e)),
        };
        let mut cursors = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(|e| unreadable(&folder, e))?.path();
            let Some(task) = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".json")) else { continue };
            if let Some(cursor) = Self::read(&path)? {
                cursors.insert(unescape(task).into(), cursor);
            }
        }
        Ok(cursors)
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Unavailable, "the state cannot be read or written").context("file", path.display()).source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn saves_lists_and_refuses_to_go_back() {
        let folder = std::env::temp_dir().join(format!("thyme-store-{}", std::process::id()));
        let store = DiskStore::new(&folder);
        let task = Task { pipeline: "orders".into(), task: "topic/../7 é".into() };
        assert_eq!(store.load(&task).await.unwrap(), None);
        let cursor = Cursor { seq: 1, ..Cursor::start("memory") };
        store.save(&task, &cursor).await.unwrap();
        assert_eq!(store.load(&task).await.unwrap(), Some(cursor.clone()));
        assert_eq!(store.save(&task, &cursor).await.unwrap_err().kind(), Kind::Conflict);
        assert_eq!(store.list("orders").await.unwrap().into_iter().collect::<Vec<_>>(), [(Arc::clone(&task.task), cursor)]);
        fs::write(store.path(&task), "{").unwrap();
        assert_eq!(store.load(&task).await.unwrap_err().kind(), Kind::CursorLost);
        store.put(&task, None).await.unwrap();
        assert_eq!(store.load(&task).await.unwrap(), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
