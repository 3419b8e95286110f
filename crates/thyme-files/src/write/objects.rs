//! Objects of a bucket, made visible as wholes.
//!
//! A file is an object below `_thyme` until its commit, and is then copied to its name. What must happen once is a put, or a
//! copy, under the condition that the name is free. An answer that it is taken says nothing about who took it, perhaps this
//! put when it was sent before: what stands there is read and compared.
mod hidden;
mod publish;
mod replace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Kind, Result, async_trait};

use super::log::OWN;
use super::target::{Generation, Target, Upload};
use crate::objects::failed;
pub use publish::{Copies, MARK};

/// How often a name that is taken by nothing is tried again: another put of it is under way.
const TRIES: u32 = 6;
/// The size of an object that is put, or copied, in one request through this machine.
const WHOLE: u64 = 8 << 20;

/// A folder of a bucket.
#[derive(Clone, Debug)]
pub struct ObjectTarget {
    store: Arc<dyn ObjectStore>,
    copies: Arc<dyn Copies>,
    /// The bucket, as people call it: `s3://bucket`.
    bucket: String,
    /// The folder, without slashes at its ends; empty for the bucket itself.
    folder: String,
}

impl ObjectTarget {
    /// Objects below `folder` in `bucket` (`s3://name`), which `store` and `copies` reach.
    pub fn new(store: Arc<dyn ObjectStore>, copies: Arc<dyn Copies>, bucket: impl Into<String>, folder: impl AsRef<str>) -> Self {
        Self { store, copies, bucket: bucket.into(), folder: folder.as_ref().trim_matches('/').to_owned() }
    }

    /// The key of a name.
    fn key(&self, name: &str) -> String {
        match (self.folder.as_str(), name) {
            ("", name) => name.to_owned(),
            (folder, "") => folder.to_owned(),
            (folder, name) => format!("{folder}/{name}"),
        }
    }

    fn path(&self, name: &str) -> Result<Path> {
        Path::parse(self.key(name)).map_err(|e| failed("name an object", &self.place(name), e.into()))
    }

    /// How people call it.
    fn place(&self, name: &str) -> String {
        format!("{}/{}", self.bucket, self.key(name))
    }

    /// The name of a key below the folder.
    fn name<'a>(&self, key: &'a str) -> Option<&'a str> {
        if self.folder.is_empty() { Some(key) } else { key.strip_prefix(&self.folder)?.strip_prefix('/') }
    }

    /// The names of all objects in the folder that are not the protocol's own.
    async fn visible(&self) -> Result<Vec<String>> {
        let folder = self.path("")?;
        let mut objects = self.store.list(Some(&folder).filter(|folder| !folder.as_ref().is_empty()));
        let mut names = Vec::new();
        while let Some(meta) = objects.try_next().await.map_err(|e| failed("list objects", &self.place(""), e))? {
            let name = self.name(meta.location.as_ref()).filter(|name| name.split('/').next() != Some(OWN));
            names.extend(name.map(str::to_owned));
        }
        Ok(names)
    }

    async fn put(&self, name: &str, bytes: Bytes, mode: PutMode, mark: Option<&str>) -> object_store::Result<()> {
        let path = Path::parse(self.key(name)).map_err(object_store::Error::from)?;
        let mark = mark.map(|mark| (Attribute::Metadata(MARK.into()), AttributeValue::from(mark.to_owned())));
        let options = PutOptions { mode, attributes: mark.into_iter().collect(), ..PutOptions::default() };
        self.store.put_opts(&path, PutPayload::from(bytes), options).await.map(drop)
    }
}

/// A name below `hidden` that nobody else has.
fn hidden_name(hidden: &str, attempt: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{hidden}/{attempt}-{:x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

#[async_trait]
impl Target for ObjectTarget {
    fn identity(&self) -> String {
        format!("{}/{}", self.bucket, self.folder)
    }

    /// Lists, and puts under a condition that can't hold.
    async fn check(&self) -> Result<()> {
        let folder = self.path("")?;
        let mut objects = self.store.list(Some(&folder).filter(|folder| !folder.as_ref().is_empty()));
        objects.try_next().await.map_err(|e| failed("list objects", &self.place(""), e))?;
        let name = format!("{OWN}/check");
        let never =
            UpdateVersion { e_tag: Some("\"00000000000000000000000000000000\"".to_owned()), version: Some("1".to_owned()) };
        match self.put(&name, Bytes::new(), PutMode::Update(never), None).await {
            Ok(()) => Err(Error::new(
                Kind::Unsupported,
                "the server ignores conditions of a put, without which nothing is written exactly once",
            )
            .context("at", self.place(&name))),
            Err(StoreError::Precondition { .. } | StoreError::NotFound { .. } | StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(failed("write an object", &self.place(&name), error)),
        }
    }

    async fn begin(&self, hidden: &str, attempt: &str) -> Result<Box<dyn Upload>> {
        Ok(Box::new(hidden::Hidden::new(self.clone(), hidden_name(hidden, attempt))))
    }

    async fn publish(&self, from: &str, to: &str) -> Result<()> {
        publish::publish(self, from, to).await
    }

    /// What was published is durable.
    async fn settle(&self, _: &[String]) -> Result<()> {
        Ok(())
    }

    async fn create(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        let bytes = Bytes::copy_from_slice(bytes);
        for attempt in 0..TRIES {
            match self.put(name, bytes.clone(), PutMode::Create, None).await {
                Ok(()) => return Ok(true),
                Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotModified { .. }) => {}
                Err(error) => return Err(failed("write an object", &self.place(name), error)),
            }
            if let Some(there) = self.read(name).await? {
                return Ok(there == bytes);
            }
            tokio::time::sleep(Duration::from_millis(50) * 2_u32.pow(attempt)).await;
        }
        Err(Error::new(Kind::Unavailable, "a name is taken and free at the same time").context("at", self.place(name)))
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let read = async { self.store.get(&self.path(name).map_err(not_a_path)?).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("read an object", &self.place(name), error)),
        }
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        match self.store.head(&self.path(name)?).await {
            Ok(_) => return Ok(true),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(failed("look at an object", &self.place(name), error)),
        }
        let below = self.store.list(Some(&self.path(name)?)).try_next().await;
        below.map(|found| found.is_some()).map_err(|e| failed("list objects", &self.place(name), e))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.path(folder)?;
        let listed = self.store.list_with_delimiter(Some(&path).filter(|path| !path.as_ref().is_empty())).await;
        let listed = listed.map_err(|e| failed("list objects", &self.place(folder), e))?;
        let folders = listed.common_prefixes.iter();
        let paths = folders.chain(listed.objects.iter().map(|meta| &meta.location));
        let mut names: Vec<_> = paths.filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    async fn present(&self) -> Result<Vec<String>> {
        let names = self.visible().await?;
        Ok(names.into_iter().filter(|name| name != super::owner::MARK).collect())
    }

    async fn replaceable(&self, owner: &str) -> Result<()> {
        replace::allowed(self, owner).await
    }

    async fn replace(&self, generation: &Generation) -> Result<()> {
        replace::replace(self, generation).await
    }

    async fn discard(&self, name: &str) -> Result<()> {
        hidden::discard(self, name).await
    }

    async fn remove(&self, name: &str) -> Result<()> {
        match self.store.delete(&self.path(name)?).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed("remove an object", &self.place(name), error)),
        }
    }
}

/// A name that is none, on the way through a store's errors.
fn not_a_path(error: Error) -> StoreError {
    StoreError::Generic { store: "thyme", source: Box::new(error) }
}
