//! Tests of the kit itself.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod data;
mod guide;
mod proxy;
mod readme;
