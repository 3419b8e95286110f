//! S3 on real servers, and on one that only breaks: what is found, what is refused, what is left behind.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;
use thyme_testkit::objects::{Program, missing};

mod copies;
mod dated;
mod faults;
mod identity;
mod reading;
mod state;
#[path = "../world/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod world;
mod writing;

fn main() -> ExitCode {
    let needs = Program::s3().map_or_else(|e| Some(e.to_string()), missing);
    let suite = Suite::new("s3").needs(needs);
    thyme_testkit::main([
        dated::cases(state::cases(copies::cases(writing::cases(identity::cases(reading::cases(suite)))))),
        faults::cases(Suite::new("s3_faults")),
    ])
}
