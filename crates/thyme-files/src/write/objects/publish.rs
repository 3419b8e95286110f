//! Hidden objects, copied to their names.
use std::time::Duration;

use object_store::{Attribute, Error as StoreError, GetOptions, ObjectStoreExt, PutMode};
use thyme_core::{Error, Kind, Result, async_trait, testing};

use super::{ObjectTarget, TRIES, WHOLE};
use crate::objects::failed;
use crate::write::target::Target;

/// The name of the mark among an object's metadata: what was copied to it.
pub const MARK: &str = "thyme";

/// What a store does beside putting, getting, listing and removing. Keys are whole.
#[async_trait]
pub trait Copies: std::fmt::Debug + Send + Sync {
    /// Copies the object `from` of `size` bytes, without moving its bytes, to the key `to`, if that is free; `mark` is its
    /// metadata [`MARK`]. `false`: it was not done, as far as one knows, because of what is, or is not, there.
    ///
    /// # Errors
    /// `Auth`, `NotFound` without the bucket, `Unavailable`.
    async fn copy(&self, from: &str, to: &str, mark: &str, size: u64) -> Result<bool>;

    /// Gives up every unfinished upload of exactly this key.
    ///
    /// # Errors
    /// As [`Copies::copy`].
    async fn abort(&self, key: &str) -> Result<()>;
}

/// Copies an object to its name; done before, by anybody, it does nothing.
///
/// Whether it was done is never told by an error, but by what is there: a hidden object goes only after its copy stands.
pub(super) async fn publish(target: &ObjectTarget, from: &str, to: &str) -> Result<()> {
    let mark = from.rsplit('/').next().unwrap_or(from);
    for attempt in 0..TRIES {
        let got = match target.store.get(&target.path(from)?).await {
            Ok(got) => got,
            Err(StoreError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(failed("read an object", &target.place(from), error)),
        };
        let size = got.meta.size;
        let copied = if size <= WHOLE {
            small(target, from, got, to, mark).await?
        } else {
            // A server may hold a lock until a body that was asked for is read, or nobody waits for it.
            drop(got);
            target.copies.copy(&target.key(from), &target.key(to), mark, size).await?
        };
        testing::point("object.after_copy");
        if copied || stands(target, to, mark).await? {
            if size > WHOLE {
                // One that a crash broke off, or that somebody is late with.
                target.copies.abort(&target.key(to)).await?;
            }
            return target.remove(from).await;
        }
        tokio::time::sleep(Duration::from_millis(50) * 2_u32.pow(attempt)).await;
    }
    let text = "an object can't be copied to its name, though that is free";
    Err(Error::new(Kind::Unavailable, text).context("object", target.place(to)))
}

/// Copies what goes through this machine faster than a server copies it. Whether it is known to be done.
async fn small(target: &ObjectTarget, from: &str, got: object_store::GetResult, to: &str, mark: &str) -> Result<bool> {
    let bytes = got.bytes().await.map_err(|e| failed("read an object", &target.place(from), e))?;
    match target.put(to, bytes, PutMode::Create, Some(mark)).await {
        Ok(()) => Ok(true),
        Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotModified { .. }) => Ok(false),
        Err(error) => Err(failed("write an object", &target.place(to), error)),
    }
}

/// Whether the object `to` is the copy that `mark` tells.
async fn stands(target: &ObjectTarget, to: &str, mark: &str) -> Result<bool> {
    let options = GetOptions { head: true, ..GetOptions::default() };
    let there = match target.store.get_opts(&target.path(to)?, options).await {
        Ok(there) => there.attributes,
        Err(StoreError::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(failed("look at an object", &target.place(to), error)),
    };
    if there.get(&Attribute::Metadata(MARK.into())).is_some_and(|found| found.as_ref() == mark) {
        return Ok(true);
    }
    let text = "another object took the name of a committed one; move it away";
    Err(Error::new(Kind::Conflict, text).context("object", target.place(to)))
}
