//! Drives the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod answers;
mod copy;
mod letters;
mod mistakes;
mod run;
mod signals;
mod thyme;
