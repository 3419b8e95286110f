#![doc = include_str!("../README.md")]
//!
//! ```
//! # #[cfg(feature = "file")]
//! # fn main() -> thyme_connectors::core::Result<()> {
//! use thyme_connectors::{SinkGuards, SourceGuards, registry};
//!
//! let source = registry().create_source("file:logs/*.jsonl", Default::default())?;
//! assert!(source.is_file());
//! if let Some(files) = source.as_file() {
//!     files.validate()?; // a `FileSource`
//! }
//! let sink = registry().create_sink("-", Default::default())?;
//! assert!(sink.is_stdout() && !sink.is_file());
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "file"))]
//! # fn main() {}
//! ```
mod guards;
mod registry;

pub use registry::*;
#[doc(inline)]
pub use thyme_core as core;
#[doc(inline)]
pub use thyme_engine as engine;
