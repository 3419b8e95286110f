//! The whole system, through the program itself.
#![allow(missing_docs, clippy::print_stdout, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod kill;
mod letters;
mod upsert;
