//! The folder of a disk: `cat` and `jq` read the files beside a running pipeline.
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{Locked, StateFiles, StateLock, StateWriter, Stored, Version};
use crate::{Error, Kind, Result};

/// What the name of a file ends in that is not finished.
const UNFINISHED: &str = ".new";

/// Files in a folder, which is made when the first is written.
///
/// A write makes a new file, syncs it, renames it over the old one and syncs the folder: after a crash the file holds what it
/// held or what was written, whole. The lock is one of the operating system: a process that dies lets go of it; what it left
/// unfinished goes when the next takes the lock.
#[derive(Clone, Debug)]
pub struct DiskFiles {
    root: PathBuf,
}

impl DiskFiles {
    /// The files below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

#[async_trait]
impl StateFiles for DiskFiles {
    fn place(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    async fn read(&self, name: &str) -> Result<Option<Stored>> {
        let path = self.root.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(Stored { bytes, version: Version::default() })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unusable(&path, e)),
        }
    }

    async fn swap(&self, name: &str, bytes: Vec<u8>, _: Option<&Version>) -> Result<()> {
        super::replace(self, name, &bytes).await
    }

    async fn begin(&self, name: &str) -> Result<Box<dyn StateWriter>> {
        let path = self.root.join(name);
        let fresh = match path.file_name() {
            Some(file) => path.with_file_name(format!("{}{UNFINISHED}", file.to_string_lossy())),
            None => return Err(Error::new(Kind::Unexpected, "a file of the state has no name")),
        };
        let create = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            File::create(&fresh)
        };
        let file = io::BufWriter::with_capacity(64 << 10, create().map_err(|e| unusable(&path, e))?);
        Ok(Box::new(Fresh { file, fresh, path }))
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let path = self.root.join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(unusable(&path, e)),
            _ => Ok(()),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(unusable(&path, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| unusable(&path, e))?.file_name();
            names.extend(name.to_str().filter(|name| !name.ends_with(UNFINISHED)).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    async fn lock(&self, name: &str, holder: &str) -> Result<Locked> {
        let path = self.root.join(name);
        let broken = |e| unusable(&path, e);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(broken)?;
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.read_to_string(&mut text).is_ok();
                return Ok(Locked::Held(read.then_some(text)));
            }
            Err(TryLockError::Error(e)) => return Err(broken(e)),
        }
        let mut write = || {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "{holder}")
        };
        write().map_err(broken)?;
        if let Some(folder) = path.parent() {
            clear(folder).map_err(broken)?;
        }
        Ok(Locked::Taken(Box::new(Held { _file: file })))
    }
}

/// Removes what a process that died was writing: who holds the lock is the only one to write below its folder.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            clear(&entry.path())?;
        } else if entry.file_name().to_str().is_some_and(|name| name.ends_with(UNFINISHED)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Fresh {
    file: io::BufWriter<File>,
    fresh: PathBuf,
    path: PathBuf,
}

#[async_trait]
impl StateWriter for Fresh {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| unusable(&self.path, e))
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let Self { file, fresh, path } = *self;
        let finish = || {
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            crate::testing::point("state.before_rename");
            fs::rename(&fresh, &path)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        finish().map_err(|e| unusable(&path, e))
    }
}

#[derive(Debug)]
struct Held {
    _file: File,
}

#[async_trait]
impl StateLock for Held {
    async fn release(self: Box<Self>) {}
}

fn unusable(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Unavailable, "the state cannot be read or written").context("file", path.display()).source(error)
}
