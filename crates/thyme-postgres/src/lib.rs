//! PostgreSQL tables for Thyme connectors.
#![cfg_attr(
    not(feature = "testing"),
    allow(dead_code, unreachable_pub, unused_imports, reason = "the wire is public for tests alone")
)]
mod catalog;
mod client;
mod config;
mod connector;
mod copy;
mod error;
mod quote;
mod sink;
mod source;
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
