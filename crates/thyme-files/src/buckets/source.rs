//! Objects of a bucket, read as a stream.
use thyme_core::{Batch, Cursor, Dataset, Job, Plan, Reject, Result, Source, SourceInfo, async_trait};

use super::config::SourceConfig;
use super::provider::{Provider, Reach};
use crate::read::{FilesSource, Noted, ReadOptions};
use crate::storage::{Bucket, ObjectStorage};

/// Objects of a bucket, each row once.
#[derive(Clone, Debug)]
pub struct BucketSource<C> {
    config: C,
    reach: Reach,
    noted: Noted,
}

impl<C: SourceConfig> BucketSource<C> {
    /// A source from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: C) -> Self {
        Self { config, reach: Reach::default(), noted: Noted::default() }
    }

    /// Builds a configuration, then the source.
    pub fn builder() -> C::Builder {
        C::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching anything.
    ///
    /// # Errors
    /// `Config` for a missing bucket, credentials that are none, a pattern that does not parse, and options that contradict each
    /// other.
    pub fn validate(&self) -> Result<()> {
        let bucket = self.config.bucket()?;
        bucket.place()?;
        self.config.connection()?;
        self.options(&bucket).map(drop)
    }

    fn options(&self, bucket: &Bucket) -> Result<ReadOptions> {
        self.config.reading().options(bucket.path(), self.config.changed().into())
    }

    async fn files(&self) -> Result<FilesSource<ObjectStorage>> {
        let bucket = self.config.bucket()?;
        let options = self.options(&bucket)?;
        let store = self.reach.get(&self.config, &bucket).await?.store.clone();
        let storage = ObjectStorage::new(store, bucket.uri(), bucket.place()?, C::Provider::habits(&bucket));
        Ok(FilesSource::noting(storage, options, self.noted.clone()))
    }
}

#[async_trait]
impl<C: SourceConfig> Source for BucketSource<C> {
    fn info(&self) -> SourceInfo {
        let identity = self.config.bucket().map_or_else(|_| C::Provider::NAME.to_owned(), |bucket| bucket.identity());
        SourceInfo { identity, ..SourceInfo::default() }
    }

    fn reads(&self, place: &str) -> bool {
        let Ok(bucket) = self.config.bucket() else { return false };
        let key = place.strip_prefix(&bucket.uri()).and_then(|rest| rest.strip_prefix('/'));
        key.is_some_and(|key| bucket.place().is_ok_and(|place| place.takes(key)))
    }

    async fn check(&self) -> Result<()> {
        self.files().await?.check().await
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        self.files().await?.discover().await
    }

    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        self.files().await?.plan(job, from).await
    }

    async fn decode(&self, job: &Job, records: &[Reject]) -> Result<Batch> {
        self.files().await?.decode(job, records)
    }
}
