//! Objects of a bucket, written exactly once.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::{Cursor, Job, Opened, Result, Sink, SinkInfo, StateFiles, async_trait};
use thyme_files::state::ObjectFiles;
use thyme_files::write::{self, ObjectTarget, Target};

use crate::config::{S3SinkConfig, S3SinkConfigBuilder, s3_sink_config_builder};
use crate::copies::S3Copies;
use crate::reach::Reach;

/// A folder of a bucket, written exactly once.
///
/// ```
/// use thyme_s3::S3Sink;
///
/// let sink = S3Sink::builder().bucket_uri("s3://exports/orders").partition_by(["country"]).build();
/// ```
#[derive(Clone, Debug)]
pub struct S3Sink {
    config: S3SinkConfig,
    reach: Reach,
}

impl S3Sink {
    /// A sink from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: S3SinkConfig) -> Self {
        Self { config, reach: Reach::default() }
    }

    /// Builds a configuration, then the sink.
    pub fn builder() -> S3SinkConfigBuilder {
        S3SinkConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching anything.
    ///
    /// # Errors
    /// `Config` for a missing bucket, a pattern in its place, half of a pair of keys, a template with unknown tokens, and options
    /// that contradict each other.
    pub fn validate(&self) -> Result<()> {
        self.config.bucket()?.folder()?;
        self.config.connection()?;
        self.config.writing().options().map(drop)
    }

    /// `s3://bucket/folder`.
    fn place(&self) -> Result<String> {
        let bucket = self.config.bucket()?;
        Ok(format!("{}/{}", bucket.uri(), bucket.folder()?))
    }

    async fn target(&self) -> Result<ObjectTarget> {
        let bucket = self.config.bucket()?;
        let reached = self.reach.get(&self.config.connection()?, &bucket).await?.clone();
        let copies = S3Copies { client: reached.client, bucket: bucket.name.clone() };
        Ok(ObjectTarget::new(reached.store, Arc::new(copies), bucket.uri(), bucket.folder()?))
    }
}

impl<S: s3_sink_config_builder::IsComplete> S3SinkConfigBuilder<S> {
    /// The sink; nothing is reached.
    pub fn build(self) -> S3Sink {
        S3Sink::new(self.config())
    }
}

#[async_trait]
impl Sink for S3Sink {
    fn info(&self) -> SinkInfo {
        self.config.writing().info(&self.place().unwrap_or_else(|_| "s3".to_owned()))
    }

    fn writes(&self, pipeline: &str) -> Option<String> {
        let (place, options) = (self.place().ok()?, self.config.writing().options().ok()?);
        Some(format!("{}/{}", place.trim_end_matches('/'), options.example(pipeline)))
    }

    async fn check(&self) -> Result<()> {
        self.validate()?;
        self.target().await?.check().await
    }

    async fn open(&self, job: &Job) -> Result<Opened> {
        write::open(Arc::new(self.target().await?), job, self.config.writing().options()?).await
    }

    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        write::cursors(&self.target().await?, pipeline).await
    }

    async fn state_files(&self) -> Result<Option<Arc<dyn StateFiles>>> {
        let bucket = self.config.bucket()?;
        let reached = self.reach.get(&self.config.connection()?, &bucket).await?;
        Ok(Some(Arc::new(ObjectFiles::new(reached.store.clone(), &bucket.uri(), bucket.folder()?))))
    }
}
