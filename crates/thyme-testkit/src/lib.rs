//! Proves a connector: one suite that every connector passes by what it declares, a harness that kills the real program, a
//! proxy that breaks connections, and test data of any size.
//!
//! A connector brings a [`harness::SourceHarness`], a [`harness::SinkHarness`] or both, and a test target without the usual
//! harness:
//!
//! ```no_run
//! # use thyme_testkit::{Suite, harness::SourceHarness};
//! # fn mine() -> impl SourceHarness { Mine }
//! # struct Mine;
//! # #[thyme_core::async_trait]
//! # impl SourceHarness for Mine {
//! #     async fn fixture(&self) -> thyme_core::Result<Box<dyn thyme_testkit::harness::SourceFixture>> {
//! #         Err(thyme_core::Error::new(thyme_core::Kind::Unavailable, "no server here"))
//! #     }
//! # }
//! fn main() -> std::process::ExitCode {
//!     thyme_testkit::main([Suite::new("mine").source(mine())])
//! }
//! ```
#[cfg(any(feature = "kafka", feature = "postgres"))]
mod certs;
pub mod data;
pub mod drive;
#[cfg(feature = "kafka")]
mod guarded;
pub mod harness;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "kill")]
pub mod kill;
#[cfg(feature = "objects")]
pub mod objects;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "kafka", feature = "postgres"))]
mod program;
pub mod proxy;
pub mod readme;
pub mod rows;
mod suite;
pub mod types;

pub use suite::{Suite, main};
