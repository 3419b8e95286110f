//! What can be said about a source and a sink, and the connection that both share.
mod connection;
mod fields;
mod sink;
mod source;

pub use connection::{Connection, Identity};
pub(crate) use sink::gcs_sink_config_builder;
pub use sink::{GcsSinkConfig, GcsSinkConfigBuilder};
pub(crate) use source::gcs_source_config_builder;
pub use source::{GcsSourceConfig, GcsSourceConfigBuilder};
