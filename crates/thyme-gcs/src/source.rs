//! Objects of a bucket, read as a stream.
use thyme_core::{Batch, Cursor, Dataset, Job, Plan, Reject, Result, Source, SourceInfo, async_trait};
use thyme_files::read::{FilesSource, Noted};
use thyme_files::storage::ObjectStorage;

use crate::config::{GcsSourceConfig, GcsSourceConfigBuilder, gcs_source_config_builder};
use crate::reach::{HABITS, Reach};

/// Objects of a bucket, each row once.
///
/// ```
/// use thyme_gcs::GcsSource;
///
/// let source = GcsSource::builder().bucket_uri("gs://landing/events/*.jsonl").build();
/// ```
#[derive(Clone, Debug)]
pub struct GcsSource {
    config: GcsSourceConfig,
    reach: Reach,
    noted: Noted,
}

impl GcsSource {
    /// A source from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: GcsSourceConfig) -> Self {
        Self { config, reach: Reach::default(), noted: Noted::default() }
    }

    /// Builds a configuration, then the source.
    pub fn builder() -> GcsSourceConfigBuilder {
        GcsSourceConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching anything.
    ///
    /// # Errors
    /// `Config` for a missing bucket, credentials that are no JSON, a pattern that does not parse, and options that contradict each
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
        let store = self.reach.get(&self.config.connection()?, &bucket).await?.clone();
        let storage = ObjectStorage::new(store, bucket.uri(), bucket.place()?, HABITS);
        Ok(FilesSource::noting(storage, options, self.noted.clone()))
    }
}

impl<S: gcs_source_config_builder::IsComplete> GcsSourceConfigBuilder<S> {
    /// The source; nothing is reached.
    pub fn build(self) -> GcsSource {
        GcsSource::new(self.config())
    }
}

#[async_trait]
impl Source for GcsSource {
    fn info(&self) -> SourceInfo {
        let identity = self.config.bucket().map_or_else(|_| "gcs".to_owned(), |bucket| bucket.identity());
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
