//! Amazon S3 and its like for Thyme connectors: objects read once, written exactly once.
mod config;
mod connector;
mod copies;
mod identity;
mod reach;
mod sink;
mod source;

pub use config::{Connection, Identity, S3SinkConfig, S3SinkConfigBuilder, S3SourceConfig, S3SourceConfigBuilder};
pub use connector::S3;
pub use reach::Amazon;
pub use sink::S3Sink;
pub use source::S3Source;
pub use thyme_files::config::{
    Compression, FileCompression, FileFormat, FileMode, MetadataColumn, NonFinite, Nulls, Numbers, ObjectChanged, ReadFormat,
    RollConfig, RollConfigBuilder,
};
