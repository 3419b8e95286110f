//! Objects of a bucket, written exactly once.
use thyme_files::buckets::{BucketSink, SinkConfig};
use thyme_files::config::Writing;

use crate::config::{GcsSinkConfig, GcsSinkConfigBuilder, gcs_sink_config_builder};

/// A folder of a bucket, written exactly once.
///
/// ```
/// use thyme_gcs::GcsSink;
///
/// let sink = GcsSink::builder().bucket_uri("gs://exports/orders").partition_by(["country"]).build();
/// ```
pub type GcsSink = BucketSink<GcsSinkConfig>;

impl SinkConfig for GcsSinkConfig {
    type Builder = GcsSinkConfigBuilder;

    fn builder() -> GcsSinkConfigBuilder {
        Self::builder()
    }

    fn writing(&self) -> Writing<'_> {
        self.writing()
    }
}

impl<S: gcs_sink_config_builder::IsComplete> GcsSinkConfigBuilder<S> {
    /// The sink; nothing is reached.
    pub fn build(self) -> GcsSink {
        GcsSink::new(self.config())
    }
}
