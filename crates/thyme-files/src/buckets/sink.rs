//! Objects of a bucket, written exactly once.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::{Cursor, Job, Opened, Result, Sink, SinkInfo, StateFiles, async_trait};

use super::config::SinkConfig;
use super::provider::{Provider, Reach, Reached};
use crate::state::ObjectFiles;
use crate::write::{self, ObjectTarget, Target};

/// A folder of a bucket, written exactly once.
#[derive(Clone, Debug)]
pub struct BucketSink<C> {
    config: C,
    reach: Reach,
}

impl<C: SinkConfig> BucketSink<C> {
    /// A sink from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: C) -> Self {
        Self { config, reach: Reach::default() }
    }

    /// Builds a configuration, then the sink.
    pub fn builder() -> C::Builder {
        C::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching anything.
    ///
    /// # Errors
    /// `Config` for a missing bucket, a pattern in its place, credentials that are none, a template with unknown tokens, and
    /// options that contradict each other.
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
        let Reached { store, copies } = self.reach.get(&self.config, &bucket).await?.clone();
        Ok(ObjectTarget::new(store, copies, bucket.uri(), bucket.folder()?))
    }
}

#[async_trait]
impl<C: SinkConfig> Sink for BucketSink<C> {
    fn info(&self) -> SinkInfo {
        self.config.writing().info(&self.place().unwrap_or_else(|_| <C::Provider as Provider>::NAME.to_owned()))
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
        let store = self.reach.get(&self.config, &bucket).await?.store.clone();
        Ok(Some(Arc::new(ObjectFiles::new(store, &bucket.uri(), bucket.folder()?))))
    }
}
