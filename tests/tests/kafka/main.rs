//! The real program between tables and topics, killed at any moment: every row once, in order, nothing lost.
#![allow(missing_docs, clippy::print_stdout, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::postgres::Major;
use thyme_testkit::{Suite, kafka, postgres};

mod example;
mod place;
mod publish;
mod stream;
mod truth;
mod two;

fn main() -> ExitCode {
    let server = Major::chosen().map_or_else(|error| Some(error.to_string()), postgres::missing);
    let suite = Suite::new("kafka").needs(kafka::missing().or(server));
    thyme_testkit::main([two::cases(example::cases(stream::cases(publish::cases(suite))))])
}
