//! Where the engine keeps what it must remember: small files, on a disk or in an object store.
mod disk;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;
pub use disk::DiskFiles;

/// Small files of the engine: cursors, dead letters, columns, locks.
///
/// Names are relative, with `/` between folders: `orders/cursors/0.json`. A file is whole or not there; what a method wrote is
/// durable when it returns.
#[async_trait]
pub trait StateFiles: Debug + Send + Sync {
    /// How people call a file, for messages: `.thyme/orders/lock`, `s3://bucket/thyme/orders/lock`.
    fn place(&self, name: &str) -> String;

    /// The file `name`; `None` when there is none.
    ///
    /// # Errors
    /// `Auth`, `Unavailable` when the place can't be reached; so for all of these.
    async fn read(&self, name: &str) -> Result<Option<Stored>>;

    /// Makes `bytes` the file `name`, if it still is what was read: `seen`, or none.
    ///
    /// # Errors
    /// `Conflict` when it is something else by now; else as [`StateFiles::read`].
    async fn swap(&self, name: &str, bytes: Vec<u8>, seen: Option<&Version>) -> Result<()>;

    /// Begins to write the file `name`, whatever stands there.
    ///
    /// # Errors
    /// As [`StateFiles::read`].
    async fn begin(&self, name: &str) -> Result<Box<dyn StateWriter>>;

    /// Removes the file `name`, if it is there.
    ///
    /// # Errors
    /// As [`StateFiles::read`].
    async fn remove(&self, name: &str) -> Result<()>;

    /// The names of the files directly in `folder`, without it; none when there is no such folder.
    ///
    /// # Errors
    /// As [`StateFiles::read`].
    async fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Takes the lock `name` for `holder`, one line of JSON with the fields `pid` and `host`. While it is held, and no longer,
    /// what is written in its folder stays: who lost it gets a `Conflict`.
    ///
    /// # Errors
    /// As [`StateFiles::read`].
    async fn lock(&self, name: &str, holder: &str) -> Result<Locked>;
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Which one it was.
    pub version: Version,
}

/// Tells a file from the one that stood there before; nothing where the lock alone has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The entity tag.
    pub e_tag: Option<String>,
    /// The generation.
    pub version: Option<String>,
}

/// A file in the making. Dropped, it is as if it had never been.
#[async_trait]
pub trait StateWriter: Debug + Send {
    /// Adds bytes at its end.
    ///
    /// # Errors
    /// As [`StateFiles::read`].
    async fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Makes it the file.
    ///
    /// # Errors
    /// As [`StateFiles::read`].
    async fn finish(self: Box<Self>) -> Result<()>;
}

/// What became of a lock that was asked for.
#[derive(Debug)]
pub enum Locked {
    /// It is held until this is released, or its process dies.
    Taken(Box<dyn StateLock>),
    /// Somebody else holds it, in the words it was taken with, if they can be read.
    Held(Option<String>),
}

/// A lock that is held. Dropped, it may take a while until the next one can have it.
#[async_trait]
pub trait StateLock: Debug + Send + Sync {
    /// Lets go of it.
    async fn release(self: Box<Self>);
}

/// What can be named as the place of the state: the folder of a disk, or files of another kind.
pub trait IntoStateFiles {
    /// The files.
    fn into_state_files(self) -> Arc<dyn StateFiles>;
}

impl IntoStateFiles for Arc<dyn StateFiles> {
    fn into_state_files(self) -> Arc<dyn StateFiles> {
        self
    }
}

impl IntoStateFiles for &Path {
    fn into_state_files(self) -> Arc<dyn StateFiles> {
        Arc::new(DiskFiles::new(self))
    }
}

impl IntoStateFiles for PathBuf {
    fn into_state_files(self) -> Arc<dyn StateFiles> {
        self.as_path().into_state_files()
    }
}

impl IntoStateFiles for &PathBuf {
    fn into_state_files(self) -> Arc<dyn StateFiles> {
        self.as_path().into_state_files()
    }
}

impl IntoStateFiles for &str {
    fn into_state_files(self) -> Arc<dyn StateFiles> {
        Path::new(self).into_state_files()
    }
}

impl IntoStateFiles for String {
    fn into_state_files(self) -> Arc<dyn StateFiles> {
        self.as_str().into_state_files()
    }
}

/// Makes `bytes` the file `name`, whatever stands there.
///
/// # Errors
/// As [`StateFiles::read`].
pub async fn replace(files: &dyn StateFiles, name: &str, bytes: &[u8]) -> Result<()> {
    let mut writer = files.begin(name).await?;
    writer.write(bytes).await?;
    writer.finish().await
}
