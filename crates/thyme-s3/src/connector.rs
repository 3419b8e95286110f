//! What the registry knows about this crate.
use thyme_core::connector::Connector;
use thyme_files::buckets::connector;

use crate::{S3SinkConfig, S3SourceConfig};

/// Amazon S3 and its like.
pub static S3: Connector =
    connector::<S3SourceConfig, S3SinkConfig>("objects of Amazon S3 and its like: JSON, CSV, Parquet, Avro and Arrow");
