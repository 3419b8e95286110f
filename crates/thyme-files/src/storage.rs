//! Where files lie: what local disks and object stores have in common.
mod local;
mod objects;
mod pattern;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use thyme_core::bytes::Bytes;
use thyme_core::{Result, async_trait};

pub use local::LocalStorage;
pub use objects::{Bucket, Habits, ObjectStorage, Place};
pub use pattern::is_glob;

/// A file or object, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name below the storage's root, parts separated by `/`.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When its content changed, in µs since 1970: what it says itself, `mv` and `cp -p` keep it.
    pub modified: i64,
    /// When it came to be what and where it is, in µs since 1970, by the storage's own clock: ctime, or the upload.
    pub changed: i64,
    /// When it was made, where that is known: a file made after a time was not there before it.
    pub created: Option<i64>,
    /// Which file it is, whatever it is called: device, inode and time of birth; of an object its key.
    pub id: String,
    /// Which content it has, where the storage says so: the etag. Empty on a disk.
    pub version: String,
    /// `changed` may lie long before its appearance: an upload in parts is as old as its beginning.
    pub slow: bool,
}

/// A file that is going to be opened.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its key.
    pub key: String,
    /// Bytes, as the listing said.
    pub size: u64,
}

/// Opens the file with this number; numbers only grow. `None`: there is no such file any more. Blocks.
pub type Opener = Box<dyn FnMut(usize) -> Result<Option<Opened>> + Send>;

/// Bytes at any place of one file. Called on threads that may block; a store over a network waits there.
pub trait ReadAt: Send + Sync {
    /// Fills `buffer` from `offset` on as far as the file goes; 0 at its end.
    ///
    /// # Errors
    /// Those of the storage.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// The `length` bytes from `offset` on, fewer at the end of the file; not copied where they are in memory already.
    ///
    /// # Errors
    /// Those of the storage.
    fn bytes_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut buffer = vec![0; length];
        let read = self.read_at(offset, &mut buffer)?;
        buffer.truncate(read);
        Ok(buffer.into())
    }
}

/// A file that is open, and what it was at that moment.
pub struct Opened {
    /// As the listing would show it now. Size and version hold for `bytes`.
    pub entry: Entry,
    /// Its content.
    pub bytes: Arc<dyn ReadAt>,
}

/// A place with files. Everything about reading files is written against this.
#[async_trait]
pub trait Storage: Clone + Send + Sync + Debug + 'static {
    /// At most `limit` files with keys after `after`, in the order of their keys; fewer only when there are no more.
    ///
    /// # Errors
    /// `NotFound` is not one of them: nothing there is an empty list.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>>;

    /// The files at `keys` as they are now, in that order; `None` where there is none.
    ///
    /// # Errors
    /// Those of the storage.
    async fn stat(&self, keys: Vec<String>) -> Result<Vec<Option<Entry>>>;

    /// What lies beside `key`, whether it belongs to the listing or not: where a rotated log is looked for.
    ///
    /// # Errors
    /// Those of the storage.
    async fn beside(&self, key: &str) -> Result<Vec<Entry>>;

    /// Opens the file at `key`. Blocks.
    ///
    /// # Errors
    /// Those of the storage; no file there is `None`.
    fn open(&self, key: &str) -> Result<Option<Opened>>;

    /// Opens `files` one after another, by their numbers; one that is slow to reach fetches ahead what `memory` bytes hold.
    fn opener(&self, files: Vec<Wanted>, memory: usize) -> Opener {
        let (storage, _) = (self.clone(), memory);
        Box::new(move |number| files.get(number).map_or(Ok(None), |file| storage.open(&file.key)))
    }

    /// Whether something is there that can be listed.
    ///
    /// # Errors
    /// `NotFound` when the file, folder or bucket does not exist, `Auth` when it may not be read.
    async fn check(&self) -> Result<()>;

    /// How people call the file at `key`: a path, a URL.
    fn location(&self, key: &str) -> String;

    /// Files grow and are renamed here. Else they are written once, whole.
    fn grows(&self) -> bool;

    /// A time, in µs since 1970: every file that a listing begun now misses will have a later [`Entry::changed`], but for
    /// [`Storage::lag`].
    fn now(&self) -> i64;

    /// How long before its appearance [`Entry::changed`] of a file may be, in µs; of those that are [`Entry::slow`], or of all
    /// others.
    fn lag(&self, slow: bool) -> i64 {
        let _ = slow;
        0
    }
}
