//! What can be said about a source and a sink, and the connection that both share.
mod connection;
mod fields;
mod sink;
mod source;
mod url;

pub use connection::{Connection, SslMode};
pub(crate) use sink::postgres_sink_config_builder;
pub use sink::{Mode, PostgresSinkConfig, PostgresSinkConfigBuilder};
pub(crate) use source::postgres_source_config_builder;
pub use source::{NullCursor, NumericAs, PostgresSourceConfig, PostgresSourceConfigBuilder};
pub(crate) use url::from_url;
