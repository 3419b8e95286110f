//! Where files go: what the commit protocol asks of a file system or an object store, and no more.
use std::fmt::Debug;

use thyme_core::{Result, async_trait};

/// A place that files go to.
///
/// Names are relative, with `/` between folders; names below `_thyme/` are the protocol's own. An object store creates by a
/// put under a condition, and copies in [`Target::publish`].
#[async_trait]
pub trait Target: Debug + Send + Sync + 'static {
    /// What it is, without secrets: `file:///data/orders`.
    fn identity(&self) -> String;

    /// Sees that it is there, or can be made, and may be written. Changes nothing.
    ///
    /// # Errors
    /// `Auth`, `Config` when it is something else than a folder, `Unavailable`.
    async fn check(&self) -> Result<()>;

    /// A new file that nobody sees, kept in the folder `hidden` under a name that begins with `attempt`, which is unique in
    /// the world.
    ///
    /// # Errors
    /// `Auth`, or `Unavailable` when the disk is full or the place can't be reached.
    async fn begin(&self, hidden: &str, attempt: &str) -> Result<Box<dyn Upload>>;

    /// Makes the finished upload `from` visible as `to`. Done before, by anybody, it does nothing. It never replaces a file.
    ///
    /// # Errors
    /// `Conflict` when another file has the name; else as [`Target::begin`].
    async fn publish(&self, from: &str, to: &str) -> Result<()>;

    /// Makes what was published under `names` outlive a loss of power.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn settle(&self, names: &[String]) -> Result<()>;

    /// Makes the file `name` of these bytes, whole and durable, if there is none. `false`: the name is taken.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn create(&self, name: &str, bytes: &[u8]) -> Result<bool>;

    /// The bytes of `name`; `None` when there is no such file.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Whether there is a file or folder of this name, or a finished upload.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn exists(&self, name: &str) -> Result<bool>;

    /// The names directly in `folder`, in order; none when there is no such folder. The root is the empty name.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// The files that a replacement takes away, where it has to be told; none where it finds them itself.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn present(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether `owner` may replace what is there by files of its own.
    ///
    /// # Errors
    /// `Conflict` when it is somebody else's; else as [`Target::begin`].
    async fn replaceable(&self, owner: &str) -> Result<()>;

    /// Makes the finished uploads of `generation` all there is, and takes what was there away. Done before, by anybody, it
    /// does nothing.
    ///
    /// # Errors
    /// `Conflict` when a newer writer took it over; else as [`Target::begin`].
    async fn replace(&self, generation: &Generation) -> Result<()>;

    /// Gives up the unfinished file that is called `name`.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn discard(&self, name: &str) -> Result<()> {
        self.remove(name).await
    }

    /// Removes the file `name`, if it is there.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn remove(&self, name: &str) -> Result<()>;
}

/// All files of a target that is replaced as a whole.
#[derive(Clone, Debug)]
pub struct Generation {
    /// The pipeline.
    pub owner: String,
    /// The folder that it may be put together in.
    pub hidden: String,
    /// The commit, unlike any other of this owner.
    pub id: String,
    /// Who replaces; unlike any other.
    pub attempt: String,
    /// Finished uploads and their names.
    pub files: Vec<(String, String)>,
    /// What [`Target::present`] said when the commit was made.
    pub old: Vec<String>,
}

/// A file in the making. Dropped, it is as if it had never been: the next [`open`](super::open) sweeps it away.
#[async_trait]
pub trait Upload: Send {
    /// Adds bytes at its end.
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()>;

    /// Closes it, durable and still unseen, and names it for [`Target::publish`].
    ///
    /// # Errors
    /// As [`Target::begin`].
    async fn finish(self: Box<Self>) -> Result<String>;
}
