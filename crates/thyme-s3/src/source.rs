//! Objects of a bucket, read as a stream.
use thyme_files::buckets::{BucketSource, SourceConfig};
use thyme_files::config::{ObjectChanged, Reading};

use crate::config::{S3SourceConfig, S3SourceConfigBuilder, s3_source_config_builder};

/// Objects of a bucket, each row once.
///
/// ```
/// use thyme_s3::S3Source;
///
/// let source = S3Source::builder().bucket_uri("s3://landing/events/*.jsonl").region("eu-central-1").build();
/// ```
pub type S3Source = BucketSource<S3SourceConfig>;

impl SourceConfig for S3SourceConfig {
    type Builder = S3SourceConfigBuilder;

    fn builder() -> S3SourceConfigBuilder {
        Self::builder()
    }

    fn reading(&self) -> Reading<'_> {
        self.reading()
    }

    fn changed(&self) -> ObjectChanged {
        self.changed
    }
}

impl<S: s3_source_config_builder::IsComplete> S3SourceConfigBuilder<S> {
    /// The source; nothing is reached.
    pub fn build(self) -> S3Source {
        S3Source::new(self.config())
    }
}
