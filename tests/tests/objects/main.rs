//! `kill -9` of the real program between buckets: every row once, and a reader that lists meanwhile sees whole objects that
//! stay what they are.
#![allow(missing_docs, clippy::print_stdout, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;
use thyme_testkit::objects::{Program, missing};

mod clock;
mod examples;
mod kill;
mod many;
mod place;

fn main() -> ExitCode {
    let suite = |program: Program| Suite::new(program.name()).needs(missing(program));
    thyme_testkit::main([
        clock::cases(examples::s3(kill::cases(suite(Program::Minio), Program::Minio))),
        many::cases(kill::cases(suite(Program::Versitygw), Program::Versitygw)),
        examples::gcs(kill::cases(suite(Program::FakeGcs), Program::FakeGcs)),
    ])
}
