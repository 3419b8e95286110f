//! What the registry knows about this crate.
use thyme_core::connector::Connector;
use thyme_files::buckets::connector;

use crate::{GcsSinkConfig, GcsSourceConfig};

/// Google Cloud Storage.
pub static GCS: Connector =
    connector::<GcsSourceConfig, GcsSinkConfig>("objects of Google Cloud Storage: JSON, CSV, Parquet, Avro and Arrow");
