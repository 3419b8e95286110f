//! The last step of a commit: an object is copied to its name, whatever was answered before.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use object_store::{Attribute, AttributeValue, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use thyme_core::{Kind, Result, async_trait};
use thyme_files::write::{Copies, MARK, ObjectTarget, Target};
use thyme_testkit::Suite;

use crate::world::Folder;

const NAME: &str = "orders-1.jsonl";

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("an_object_in_the_way_is_never_replaced_nor_taken_for_ours", in_the_way)
        .case("a_copy_that_is_done_is_not_made_again", done)
        .case("a_copy_is_made_again_when_the_server_spoilt_it", spoilt)
        .case("a_copy_that_was_made_and_not_answered_is_found", unanswered)
}

/// A server that copies large objects badly: so often nothing comes of it, and then its answer is lost, or not.
#[derive(Debug)]
struct Server {
    folder: Folder,
    spoils: AtomicU32,
    silent: bool,
}

#[async_trait]
impl Copies for Server {
    async fn copy(&self, from: &str, to: &str, mark: &str, _: u64) -> Result<bool> {
        if self.spoils.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Ok(false);
        }
        let bytes = self.folder.store.get(&from.into()).await.unwrap().bytes().await.unwrap();
        let mark = [(Attribute::Metadata(MARK.into()), AttributeValue::from(mark.to_owned()))];
        let options = PutOptions { mode: PutMode::Create, attributes: mark.into_iter().collect(), ..PutOptions::default() };
        let put = self.folder.store.put_opts(&to.into(), bytes.into(), options).await;
        Ok(put.is_ok() && !self.silent)
    }

    async fn abort(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

fn target(folder: &Folder, spoils: u32, silent: bool) -> ObjectTarget {
    let copies = Server { folder: folder.clone(), spoils: AtomicU32::new(spoils), silent };
    ObjectTarget::new(folder.store.clone(), Arc::new(copies), format!("s3://{}", folder.bucket), &folder.prefix)
}

/// A hidden object of `size` bytes.
async fn finished(target: &ObjectTarget, size: usize) -> Result<String> {
    let mut upload = target.begin("_thyme/p/0/tmp", "1-x").await?;
    upload.write(vec![b'x'; size]).await?;
    upload.finish().await
}

async fn in_the_way() -> Result<()> {
    for size in [5, 9 << 20] {
        let folder = Folder::new()?;
        let target = target(&folder, 0, false);
        let from = finished(&target, size).await?;
        folder.put(NAME, "somebody else's").await;
        assert_eq!(target.publish(&from, NAME).await.unwrap_err().kind(), Kind::Conflict);
        assert_eq!(folder.get(NAME).await, b"somebody else's");
        // It stays so until somebody moves it away.
        folder.store.delete(&folder.path(NAME)).await.unwrap();
        target.publish(&from, NAME).await?;
        assert_eq!(folder.get(NAME).await.len(), size);
        assert_eq!(folder.names().await, [NAME]);
    }
    Ok(())
}

async fn done() -> Result<()> {
    let folder = Folder::new()?;
    let target = target(&folder, 0, false);
    let from = finished(&target, 5).await?;
    target.publish(&from, NAME).await?;
    target.publish(&from, NAME).await?;
    // Who reads the objects may take them away.
    folder.store.delete(&folder.path(NAME)).await.unwrap();
    target.publish(&from, NAME).await?;
    assert_eq!(folder.names().await, [] as [&str; 0]);
    Ok(())
}

async fn spoilt() -> Result<()> {
    let folder = Folder::new()?;
    let from = finished(&target(&folder, 0, false), 9 << 20).await?;
    let error = target(&folder, 100, false).publish(&from, NAME).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert!(!folder.names().await.contains(&NAME.to_owned()), "nothing came of it, and nobody says otherwise");
    target(&folder, 2, false).publish(&from, NAME).await?;
    assert_eq!(folder.names().await, [NAME]);
    assert_eq!(folder.get(NAME).await.len(), 9 << 20);
    Ok(())
}

async fn unanswered() -> Result<()> {
    let folder = Folder::new()?;
    let target = target(&folder, 0, true);
    let from = finished(&target, 9 << 20).await?;
    target.publish(&from, NAME).await?;
    assert_eq!(folder.names().await, [NAME]);
    Ok(())
}
