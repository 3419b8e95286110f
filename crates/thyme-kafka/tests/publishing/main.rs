//! The sink passes the suite, and what is its own.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

mod conformance;
mod world;

fn main() -> ExitCode {
    thyme_testkit::main(conformance::suites())
}
