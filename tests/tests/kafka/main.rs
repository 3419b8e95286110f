//! The real program between tables and topics, killed at any moment: every row once, in order, nothing lost.
#![allow(missing_docs, clippy::print_stdout, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::kafka::{Connect, RegistryVersion};
use thyme_testkit::postgres::Major;
use thyme_testkit::{Suite, kafka, postgres};

mod example;
mod place;
mod publish;
mod replica;
mod shared;
mod stream;
mod truth;
mod two;

fn main() -> ExitCode {
    let server = Major::chosen().map_or_else(|error| Some(error.to_string()), postgres::missing);
    let suite = Suite::new("kafka").needs(kafka::missing().or(server.clone()));
    let registry = RegistryVersion::V2.missing();
    let around = kafka::missing().or(server).or(Connect::missing()).or(registry);
    let debezium = replica::cases(Suite::new("debezium").needs(around));
    thyme_testkit::main([debezium, two::cases(example::cases(shared::cases(stream::cases(publish::cases(suite)))))])
}
