//! The engine's own files in an object store: the same names as on a disk.
//!
//! A cursor is replaced under the condition that it is what was read, so that of two runs that follow the same commit one gets a
//! `Conflict`: that is the fence. The [lock](lock) keeps a second run from beginning at all, and the rest from being written by
//! one that slept.
mod lock;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Error as StoreError, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    UpdateVersion, WriteMultipart,
};
use thyme_core::state::{Locked, StateWriter, Stored, Version};
use thyme_core::{Error, Kind, Result, StateFiles, async_trait};

use crate::names;
use crate::objects::failed;
use crate::write::MARK;
use lock::Lease;

/// The size of a file that is put in one request.
const WHOLE: usize = 8 << 20;
/// Parts of a larger one on their way at the same time.
const PARTS: usize = 2;

/// Files of the engine below a folder of a bucket.
#[derive(Clone, Debug)]
pub struct ObjectFiles {
    store: Arc<dyn ObjectStore>,
    /// Bucket and folder, as people call them: `s3://bucket/thyme`.
    place: String,
    folder: String,
    leases: Arc<Mutex<BTreeMap<String, Arc<Lease>>>>,
}

impl ObjectFiles {
    /// The files below `folder` in `bucket` (`s3://name`), which `store` reaches.
    pub fn new(store: Arc<dyn ObjectStore>, bucket: &str, folder: &str) -> Self {
        let folder = folder.trim_matches('/').to_owned();
        let place = if folder.is_empty() { bucket.to_owned() } else { format!("{bucket}/{folder}") };
        Self { store, place, folder, leases: Arc::default() }
    }

    fn path(&self, name: &str) -> Result<Path> {
        let key = if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) };
        Path::parse(key).map_err(|e| failed("name an object", &self.place(name), e.into()))
    }

    fn leases(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Lease>>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock of the folder that `name` is in is still held, if it was ever taken.
    async fn held(&self, name: &str) -> Result<()> {
        let folder = name.split('/').next().unwrap_or_default();
        let lease = self.leases().get(folder).cloned();
        match lease {
            Some(lease) => lease.holds().await,
            None => Ok(()),
        }
    }

    fn broke(&self, name: &str, error: StoreError) -> Error {
        failed("read or write the state", &self.place(name), error)
    }
}

#[async_trait]
impl StateFiles for ObjectFiles {
    fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.place)
    }

    async fn read(&self, name: &str) -> Result<Option<Stored>> {
        let got = match self.store.get(&self.path(name)?).await {
            Ok(got) => got,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.broke(name, error)),
        };
        let version = Version { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = got.bytes().await.map_err(|e| self.broke(name, e))?.into();
        Ok(Some(Stored { bytes, version }))
    }

    async fn swap(&self, name: &str, bytes: Vec<u8>, seen: Option<&Version>) -> Result<()> {
        self.held(name).await?;
        let mode = match seen {
            Some(Version { e_tag, version }) => PutMode::Update(UpdateVersion { e_tag: e_tag.clone(), version: version.clone() }),
            None => PutMode::Create,
        };
        let mark = names::attempt();
        let attributes = [(Attribute::Metadata(MARK.into()), AttributeValue::from(mark.clone()))].into_iter().collect();
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let path = self.path(name)?;
        match self.store.put_opts(&path, PutPayload::from(bytes), options).await {
            Ok(_) => return Ok(()),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotFound { .. }) => {}
            Err(error) => return Err(self.broke(name, error)),
        }
        // This put, perhaps, when it was sent before.
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get_opts(&path, options).await {
            Ok(there) if there.attributes.get(&Attribute::Metadata(MARK.into())).is_some_and(|at| at.as_ref() == mark) => Ok(()),
            Ok(_) | Err(StoreError::NotFound { .. }) => {
                let text = "the state was changed meanwhile: another process runs this pipeline";
                Err(Error::new(Kind::Conflict, text).context("file", self.place(name)))
            }
            Err(error) => Err(self.broke(name, error)),
        }
    }

    async fn begin(&self, name: &str) -> Result<Box<dyn StateWriter>> {
        Ok(Box::new(Fresh { files: self.clone(), name: name.to_owned(), waiting: Vec::new(), parts: None }))
    }

    async fn remove(&self, name: &str) -> Result<()> {
        self.held(name).await?;
        match self.store.delete(&self.path(name)?).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.broke(name, error)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let listed = self.store.list_with_delimiter(Some(&self.path(folder)?)).await.map_err(|e| self.broke(folder, e))?;
        let mut names: Vec<_> = listed.objects.iter().filter_map(|meta| meta.location.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    async fn lock(&self, name: &str, holder: &str) -> Result<Locked> {
        lock::take(self, name, holder).await
    }
}

/// A file in the making, which nobody sees before its end.
#[derive(Debug)]
struct Fresh {
    files: ObjectFiles,
    name: String,
    waiting: Vec<u8>,
    parts: Option<Mutex<WriteMultipart>>,
}

#[async_trait]
impl StateWriter for Fresh {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() < WHOLE {
            return Ok(());
        }
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let upload = self.files.store.put_multipart(&self.files.path(&self.name)?).await;
                let upload = upload.map_err(|e| self.files.broke(&self.name, e))?;
                self.parts.insert(Mutex::new(WriteMultipart::new_with_chunk_size(upload, WHOLE)))
            }
        };
        let parts = parts.get_mut().unwrap_or_else(PoisonError::into_inner);
        parts.wait_for_capacity(PARTS).await.map_err(|e| self.files.broke(&self.name, e))?;
        parts.put(std::mem::take(&mut self.waiting).into());
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let Self { files, name, waiting, parts } = *self;
        files.held(&name).await?;
        let done = match parts {
            Some(parts) => {
                let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
                parts.put(waiting.into());
                parts.finish().await
            }
            None => files.store.put(&files.path(&name)?, PutPayload::from(waiting)).await,
        };
        done.map(drop).map_err(|e| files.broke(&name, e))
    }
}
