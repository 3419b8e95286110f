//! Local files and stdout: read as a stream, written exactly once.
mod connector;
mod sink;
mod sink_config;
mod source;
mod source_config;
mod stdout;
mod stdout_config;

pub use connector::{FILE, STDOUT};
pub use sink::FileSink;
pub use sink_config::{FileSinkConfig, FileSinkConfigBuilder};
pub use source::FileSource;
pub use source_config::{FileSourceConfig, FileSourceConfigBuilder};
pub use stdout::StdoutSink;
pub use stdout_config::{StdoutFormat, StdoutSinkConfig, StdoutSinkConfigBuilder};
pub use thyme_files::config::{FileCompression, FileFormat, FileMode, RollConfig, RollConfigBuilder};
pub use thyme_files::read::{Changed, MetadataColumn, ReadFormat};
pub use thyme_formats::compression::Compression;
pub use thyme_formats::json_out::{NonFinite, Nulls, Numbers};
