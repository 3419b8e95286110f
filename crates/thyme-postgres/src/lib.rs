//! PostgreSQL tables for Thyme connectors.
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "the wire is public for tests alone"))]
mod catalog;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "the wire is public for tests alone"))]
mod client;
mod config;
mod connector;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "the wire is public for tests alone"))]
mod copy;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "the wire is public for tests alone"))]
mod error;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "the wire is public for tests alone"))]
mod quote;
mod sink;
mod source;
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub, reason = "the wire is public for tests alone"))]
mod types;

pub use config::{
    Connection, Mode, NullCursor, NumericAs, PostgresSinkConfig, PostgresSinkConfigBuilder, PostgresSourceConfig,
    PostgresSourceConfigBuilder, SslMode,
};
pub use connector::POSTGRES;
pub use sink::PostgresSink;
pub use source::PostgresSource;

/// The wire by itself, for tests.
#[cfg(feature = "testing")]
#[doc(hidden)]
#[allow(missing_docs, reason = "documented where they are")]
pub mod testing {
    pub mod catalog {
        pub use crate::catalog::*;
    }
    pub mod client {
        pub use crate::client::*;
    }
    pub mod copy {
        pub use crate::copy::*;
    }
    pub mod error {
        pub use crate::error::*;
    }
    pub mod quote {
        pub use crate::quote::*;
    }
    pub mod types {
        pub use crate::types::*;
    }
}
