//! A file as an object below `_thyme`, which is copied to its name in its commit.
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt, WriteMultipart};
use thyme_core::{Error, Kind, testing};
use thyme_core::{Result, async_trait};

use super::ObjectTarget;
use crate::objects::failed;
use crate::write::target::{Target, Upload};

/// Parts on their way at the same time.
const PARTS: usize = 3;

struct Hidden {
    target: ObjectTarget,
    name: String,
    upload: WriteMultipart,
}

pub(super) async fn begin(target: &ObjectTarget, name: String) -> Result<Box<dyn Upload>> {
    let upload = target.store.put_multipart(&target.path(&name)?).await;
    let upload = upload.map_err(|e| failed("write an object", &target.place(&name), e))?;
    Ok(Box::new(Hidden { target: target.clone(), name, upload: WriteMultipart::new_with_chunk_size(upload, 8 << 20) }))
}

#[async_trait]
impl Upload for Hidden {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        let room = self.upload.wait_for_capacity(PARTS).await;
        room.map_err(|e| failed("write an object", &self.target.place(&self.name), e))?;
        self.upload.put(bytes.into());
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<String> {
        let Self { target, name, upload } = *self;
        testing::point("file.before_sync");
        upload.finish().await.map_err(|e| failed("write an object", &target.place(&name), e))?;
        Ok(name)
    }
}

/// Copies an object to its name; done before, by anybody, it does nothing.
pub(super) async fn publish(target: &ObjectTarget, from: &str, to: &str) -> Result<()> {
    let (hidden, visible) = (target.path(from)?, target.path(to)?);
    match target.store.copy_if_not_exists(&hidden, &visible).await {
        Ok(()) => {}
        // It goes after it was copied.
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
            match (content(target, &hidden).await?, content(target, &visible).await?) {
                (None, _) => return Ok(()),
                (Some(one), Some(other)) if one == other => {}
                _ => {
                    return Err(Error::new(Kind::Conflict, "another object took the name of a committed one; move it away")
                        .context("object", target.place(to)));
                }
            }
        }
        Err(error) => return Err(failed("copy an object", &target.place(to), error)),
    }
    target.remove(from).await
}

async fn content(target: &ObjectTarget, path: &Path) -> Result<Option<thyme_core::bytes::Bytes>> {
    let read = async { target.store.get(path).await?.bytes().await };
    match read.await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed("read an object", path.as_ref(), error)),
    }
}
