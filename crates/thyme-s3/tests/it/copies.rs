//! Objects written without uploads in parts, as to GCS: hidden ones, copied under a condition.
use std::sync::Arc;

use object_store::ObjectStoreExt;
use object_store::aws::{AmazonS3Builder, S3CopyIfNotExists};
use thyme_core::{Batch, Cursor, Job, Kind, Opened, Position, Result, Task};
use thyme_files::write::{Format, ObjectTarget, Options, open};
use thyme_testkit::Suite;
use thyme_testkit::objects::{ACCESS_KEY, REGION, SECRET};
use thyme_testkit::rows::{self, Row};

use crate::world::Folder;

pub(crate) fn cases(suite: Suite) -> Suite {
    suite.case("copies_are_rolled_forward_and_replace_nothing", copies).case("a_late_writer_is_fenced", fenced)
}

async fn begin(folder: &Folder) -> Result<Opened> {
    let builder = AmazonS3Builder::new().with_bucket_name(&folder.bucket).with_region(REGION).with_endpoint(&folder.url);
    let builder = builder.with_allow_http(true).with_access_key_id(ACCESS_KEY).with_secret_access_key(SECRET);
    let store = builder.with_copy_if_not_exists(S3CopyIfNotExists::Multipart).build().unwrap();
    let target = ObjectTarget::new(Arc::new(store), None, format!("s3://{}", folder.bucket), format!("{}/out", folder.prefix));
    let job = Job::new(Task::alone("p"), Arc::new(rows::dataset("t")?));
    let format = Format::Jsonl(Default::default(), Default::default());
    open(Arc::new(target), &job, Options { format, ..Options::default() }).await
}

async fn stage(opened: &mut Opened, ids: std::ops::Range<i64>) -> Result<()> {
    opened.writer.stage(&Batch::insert(rows::batch(&Row::range(ids))?, Position::of(&()))).await.map(drop)
}

fn cursor(seq: u64) -> Cursor {
    Cursor { seq, ..Cursor::start("test") }
}

async fn copies() -> Result<()> {
    let (folder, name) = (Folder::new()?, "out/p-0-00000001-000.jsonl");
    let mut opened = begin(&folder).await?;
    stage(&mut opened, 0..5).await?;
    drop(opened);
    let mut opened = begin(&folder).await?;
    assert!(!folder.names().await.iter().any(|name| name.contains("/tmp/")), "what was never committed is swept away");
    stage(&mut opened, 0..5).await?;
    opened.writer.commit(&cursor(1)).await?;
    let first = folder.get(name).await;
    assert_eq!(String::from_utf8(first).unwrap().lines().count(), 5);
    // The name of the next is taken between the look for a free one and the copy: by the objects of another program.
    stage(&mut opened, 5..10).await?;
    opened.writer.commit(&cursor(2)).await?;
    folder.store.delete(&folder.path(name)).await.unwrap();
    let opened = begin(&folder).await?;
    assert_eq!(opened.cursor.map(|cursor| cursor.seq), Some(2));
    assert_eq!(folder.visible().await, ["out/p-0-00000002-000.jsonl"], "what was taken away does not come back");
    Ok(())
}

async fn fenced() -> Result<()> {
    let folder = Folder::new()?;
    let mut one = begin(&folder).await?;
    stage(&mut one, 0..5).await?;
    let mut other = begin(&folder).await?;
    let error = one.writer.commit(&cursor(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error}");
    stage(&mut other, 0..5).await?;
    other.writer.commit(&cursor(1)).await?;
    assert_eq!(folder.visible().await.len(), 1);
    Ok(())
}
