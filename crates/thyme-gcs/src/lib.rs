//! Google Cloud Storage for Thyme connectors: objects read once, written exactly once.
mod api;
mod config;
mod connector;
mod identity;
mod reach;
mod sink;
mod source;
mod store;
mod upload;

pub use config::{Connection, GcsSinkConfig, GcsSinkConfigBuilder, GcsSourceConfig, GcsSourceConfigBuilder, Identity};
pub use connector::GCS;
pub use reach::Google;
pub use sink::GcsSink;
pub use source::GcsSource;
pub use thyme_files::config::{
    Compression, FileCompression, FileFormat, FileMode, MetadataColumn, NonFinite, Nulls, Numbers, ObjectChanged, ReadFormat,
    RollConfig, RollConfigBuilder,
};
