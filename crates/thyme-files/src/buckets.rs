//! Buckets as a source and a sink, whoever provides them.
//!
//! A provider's crate says how its buckets are reached and what can be configured; the rest is the same for all.
mod config;
mod connector;
mod provider;
mod sink;
mod source;

pub use config::{BucketConfig, SinkConfig, SourceConfig, present, server_url};
pub use connector::connector;
pub use provider::{Provider, Reached, client_options, retry};
pub use sink::BucketSink;
pub use source::BucketSource;
