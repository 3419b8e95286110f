//! Objects of a bucket, written exactly once.
use thyme_files::buckets::{BucketSink, SinkConfig};
use thyme_files::config::Writing;

use crate::config::{S3SinkConfig, S3SinkConfigBuilder, s3_sink_config_builder};

/// A folder of a bucket, written exactly once.
///
/// ```
/// use thyme_s3::S3Sink;
///
/// let sink = S3Sink::builder().bucket_uri("s3://exports/orders").partition_by(["country"]).build();
/// ```
pub type S3Sink = BucketSink<S3SinkConfig>;

impl SinkConfig for S3SinkConfig {
    type Builder = S3SinkConfigBuilder;

    fn builder() -> S3SinkConfigBuilder {
        Self::builder()
    }

    fn writing(&self) -> Writing<'_> {
        self.writing()
    }
}

impl<S: s3_sink_config_builder::IsComplete> S3SinkConfigBuilder<S> {
    /// The sink; nothing is reached.
    pub fn build(self) -> S3Sink {
        S3Sink::new(self.config())
    }
}
