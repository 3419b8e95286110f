//! The contract from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod batch;
mod dataset;
mod error;
mod record;
mod state;
