//! What can be said about a source and a sink, and the connection that both share.
mod connection;
mod fields;
mod sink;
mod source;

pub use connection::{Connection, Identity};
pub(crate) use sink::s3_sink_config_builder;
pub use sink::{S3SinkConfig, S3SinkConfigBuilder};
pub(crate) use source::s3_source_config_builder;
pub use source::{S3SourceConfig, S3SourceConfigBuilder};
