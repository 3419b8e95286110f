//! Objects of a bucket.
//!
//! An object is written once, as a whole; who writes its key again makes another object, which its etag shows. A listing shows
//! when an object was last modified, by the server's clock: for an upload in parts that is when the upload *began*, so that it
//! appears long after that time.
mod ahead;
mod bucket;
mod bytes;
mod list;
mod place;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use thyme_core::{Result, async_trait};
use tokio::runtime::Handle;

use super::{Entry, Opened, Opener, Storage, Wanted};
use crate::objects::failed;
pub use bucket::Bucket;
pub use place::Place;

/// The server refuses requests of a clock that is 15 minutes off; an upload in one piece takes the rest at most.
const LAG_US: i64 = 20 * 60 * 1_000_000;
/// An upload in parts is over within a day, or is not expected any more.
const SLOW_US: i64 = 24 * 3_600 * 1_000_000;

/// Bytes that one object may hold in memory that is looked into beside those that are read.
const ALONE: usize = 16 << 20;

/// What a server does that others don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// It lists keys in order, so that a listing can begin behind any key.
    pub ordered: bool,
    /// What an upload in parts made is as old as the beginning of that upload, and has an etag with a `-` in it.
    pub dated_by_begin: bool,
}

/// The objects that a place in a bucket means.
#[derive(Clone, Debug)]
pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    place: Place,
    /// The bucket, as people call it: `s3://bucket`.
    bucket: String,
    habits: Habits,
}

impl ObjectStorage {
    /// The objects that `place` means in `bucket` (`s3://name`), which `store` reaches.
    pub fn new(store: Arc<dyn ObjectStore>, bucket: impl Into<String>, place: Place, habits: Habits) -> Self {
        Self { store, place, bucket: bucket.into(), habits }
    }

    fn entry(&self, meta: &ObjectMeta) -> Entry {
        let modified = meta.last_modified.timestamp_micros();
        let version = meta.e_tag.clone().or_else(|| meta.version.clone()).unwrap_or_default();
        let version = version.trim_matches('"').to_owned();
        Entry {
            key: meta.location.to_string(),
            size: meta.size,
            modified,
            changed: modified,
            created: None,
            id: meta.location.to_string(),
            slow: self.habits.dated_by_begin && version.contains('-'),
            version,
        }
    }

    async fn head(&self, key: &str) -> Result<Option<Entry>> {
        let path = self.path(key)?;
        match self.store.head(&path).await {
            Ok(meta) => Ok(Some(self.entry(&meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("look at an object", &self.location(key), error)),
        }
    }

    fn path(&self, key: &str) -> Result<Path> {
        Path::parse(key).map_err(|e| failed("name an object", &self.location(key), e.into()))
    }
}

#[async_trait]
impl Storage for ObjectStorage {
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        list::list(self, after, limit).await
    }

    async fn stat(&self, keys: Vec<String>) -> Result<Vec<Option<Entry>>> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(self.head(&key).await?);
        }
        Ok(found)
    }

    /// Objects are not renamed: nothing is looked for.
    async fn beside(&self, _: &str) -> Result<Vec<Entry>> {
        Ok(Vec::new())
    }

    fn open(&self, key: &str) -> Result<Option<Opened>> {
        let runtime = Handle::current();
        let wanted = Wanted { key: key.to_owned(), size: u64::MAX };
        runtime.block_on(bytes::load(self.clone(), wanted, ALONE, runtime.clone()))
    }

    fn opener(&self, files: Vec<Wanted>, memory: usize) -> Opener {
        ahead::opener(self.clone(), files, memory, Handle::current())
    }

    async fn check(&self) -> Result<()> {
        list::list(self, None, 1).await.map(drop)
    }

    fn location(&self, key: &str) -> String {
        format!("{}/{key}", self.bucket)
    }

    fn grows(&self) -> bool {
        false
    }

    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    fn lag(&self, slow: bool) -> i64 {
        if slow { SLOW_US } else { LAG_US }
    }
}
