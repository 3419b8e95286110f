//! What can be said about reading and writing files, wherever they lie: the fields that connectors of files have in common.
//!
//! [`with_reading`](crate::with_reading) and [`with_writing`](crate::with_writing) make a config struct of a connector's own
//! fields and these.
mod sink;
mod source;

pub use sink::{FileCompression, FileFormat, FileMode, RollConfig, RollConfigBuilder, Writing, csv, decimals, header, int64};
pub use source::{ObjectChanged, Reading, quote};
pub use thyme_formats::compression::Compression;
pub use thyme_formats::json_out::{NonFinite, Nulls, Numbers};

pub use crate::read::{MetadataColumn, ReadFormat};
