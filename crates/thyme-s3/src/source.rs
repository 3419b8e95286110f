//! Objects of a bucket, read as a stream.
use thyme_core::{Batch, Cursor, Dataset, Job, Plan, Reject, Result, Source, SourceInfo, async_trait};
use thyme_files::read::{FilesSource, Noted};
use thyme_files::storage::ObjectStorage;

use crate::config::{S3SourceConfig, S3SourceConfigBuilder, s3_source_config_builder};
use crate::reach::{Reach, habits};

/// Objects of a bucket, each row once.
///
/// ```
/// use thyme_s3::S3Source;
///
/// let source = S3Source::builder().bucket_uri("s3://landing/events/*.jsonl").region("eu-central-1").build();
/// ```
#[derive(Clone, Debug)]
pub struct S3Source {
    config: S3SourceConfig,
    reach: Reach,
    noted: Noted,
}

impl S3Source {
    /// A source from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: S3SourceConfig) -> Self {
        Self { config, reach: Reach::default(), noted: Noted::default() }
    }

    /// Builds a configuration, then the source.
    pub fn builder() -> S3SourceConfigBuilder {
        S3SourceConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching anything.
    ///
    /// # Errors
    /// `Config` for a missing bucket, half of a pair of keys, a pattern that does not parse, and options that contradict each
    /// other.
    pub fn validate(&self) -> Result<()> {
        let bucket = self.config.bucket()?;
        bucket.place()?;
        self.config.connection()?;
        self.config.reading().options(bucket.path(), self.config.changed.into()).map(drop)
    }

    async fn files(&self) -> Result<FilesSource<ObjectStorage>> {
        let bucket = self.config.bucket()?;
        let options = self.config.reading().options(bucket.path(), self.config.changed.into())?;
        let reached = self.reach.get(&self.config.connection()?, &bucket).await?;
        let storage = ObjectStorage::new(reached.store.clone(), bucket.uri(), bucket.place()?, habits(&bucket));
        Ok(FilesSource::noting(storage, options, self.noted.clone()))
    }
}

impl<S: s3_source_config_builder::IsComplete> S3SourceConfigBuilder<S> {
    /// The source; nothing is reached.
    pub fn build(self) -> S3Source {
        S3Source::new(self.config())
    }
}

#[async_trait]
impl Source for S3Source {
    fn info(&self) -> SourceInfo {
        let identity = self.config.bucket().map_or_else(|_| "s3".to_owned(), |bucket| bucket.identity());
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
