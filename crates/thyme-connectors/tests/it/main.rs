//! The generated parts, as a program uses them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
#[cfg(feature = "file")]
mod guards;
