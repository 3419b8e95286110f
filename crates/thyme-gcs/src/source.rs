//! Objects of a bucket, read as a stream.
use thyme_files::buckets::{BucketSource, SourceConfig};
use thyme_files::config::{ObjectChanged, Reading};

use crate::config::{GcsSourceConfig, GcsSourceConfigBuilder, gcs_source_config_builder};

/// Objects of a bucket, each row once.
///
/// ```
/// use thyme_gcs::GcsSource;
///
/// let source = GcsSource::builder().bucket_uri("gs://landing/events/*.jsonl").build();
/// ```
pub type GcsSource = BucketSource<GcsSourceConfig>;

impl SourceConfig for GcsSourceConfig {
    type Builder = GcsSourceConfigBuilder;

    fn builder() -> GcsSourceConfigBuilder {
        Self::builder()
    }

    fn reading(&self) -> Reading<'_> {
        self.reading()
    }

    fn changed(&self) -> ObjectChanged {
        self.changed
    }
}

impl<S: gcs_source_config_builder::IsComplete> GcsSourceConfigBuilder<S> {
    /// The source; nothing is reached.
    pub fn build(self) -> GcsSource {
        GcsSource::new(self.config())
    }
}
