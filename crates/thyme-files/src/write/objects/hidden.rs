//! A file that nobody sees, as an object below `_thyme`.
//!
//! A small one is one put. A larger one is an upload in parts, which no listing of objects shows when it breaks off: so that
//! the next writer finds it, a *note* beside it stands from before its beginning to its end.
use object_store::{ObjectStoreExt, PutMode, WriteMultipart};
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Result, async_trait, testing};

use super::{ObjectTarget, WHOLE};
use crate::objects::failed;
use crate::write::target::{Target, Upload};

/// Bytes of a part. At most 10,000 of them make an object of 80 GB.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way at the same time.
const PARTS: usize = 3;
/// What the name of a note ends with, behind that of its object.
const NOTE: &str = ".upload";

pub(super) struct Hidden {
    target: ObjectTarget,
    name: String,
    /// Until it is too much for one put.
    waiting: Vec<u8>,
    parts: Option<WriteMultipart>,
}

impl Hidden {
    pub(super) fn new(target: ObjectTarget, name: String) -> Self {
        Self { target, name, waiting: Vec::new(), parts: None }
    }

    fn broke(&self, error: object_store::Error) -> Error {
        broke(&self.target, &self.name, error)
    }
}

#[async_trait]
impl Upload for Hidden {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        if self.parts.is_none() {
            if self.waiting.is_empty() {
                self.waiting = bytes;
            } else {
                self.waiting.extend_from_slice(&bytes);
            }
            if self.waiting.len() as u64 <= WHOLE {
                return Ok(());
            }
            self.parts = Some(begin(&self.target, &self.name).await?);
            let first = std::mem::take(&mut self.waiting);
            return self.write(first).await;
        }
        let Some(parts) = &mut self.parts else { return Ok(()) };
        let room = parts.wait_for_capacity(PARTS).await;
        parts.put(bytes.into());
        room.map_err(|e| broke(&self.target, &self.name, e))
    }

    async fn finish(mut self: Box<Self>) -> Result<String> {
        testing::point("file.before_sync");
        match self.parts.take() {
            None => {
                let bytes = std::mem::take(&mut self.waiting).into();
                self.target.put(&self.name, bytes, PutMode::Overwrite, None).await.map_err(|e| self.broke(e))?;
            }
            Some(parts) => {
                parts.finish().await.map_err(|e| self.broke(e))?;
                self.target.remove(&note(&self.name)).await?;
            }
        }
        Ok(self.name)
    }
}

/// Begins an upload in parts, noted before.
async fn begin(target: &ObjectTarget, name: &str) -> Result<WriteMultipart> {
    let noted = target.put(&note(name), Bytes::new(), PutMode::Overwrite, None).await;
    noted.map_err(|e| broke(target, name, e))?;
    let upload = target.store.put_multipart(&target.path(name)?).await.map_err(|e| broke(target, name, e))?;
    testing::point("object.after_begin");
    Ok(WriteMultipart::new_with_chunk_size(upload, PART_BYTES))
}

/// Removes what is called `name`: an object, or a note with the upload that it is about.
pub(super) async fn discard(target: &ObjectTarget, name: &str) -> Result<()> {
    if let Some(object) = name.strip_suffix(NOTE) {
        target.copies.abort(&target.key(object)).await?;
    }
    target.remove(name).await
}

fn note(name: &str) -> String {
    format!("{name}{NOTE}")
}

fn broke(target: &ObjectTarget, name: &str, error: object_store::Error) -> Error {
    failed("write an object", &target.place(name), error)
}
