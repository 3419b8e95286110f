//! `kill -9` of the real program between tables and files, and two of it at once: every row once, nothing lost.
#![allow(missing_docs, clippy::print_stdout, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;
use thyme_testkit::postgres::{Major, missing};

mod check;
mod held;
mod kill;
mod life;
mod once;
mod parts;
mod rest;
mod two;

fn main() -> ExitCode {
    let needs = Major::chosen().map_or_else(|e| Some(e.to_string()), missing);
    let suite = Suite::new("postgres").needs(needs.clone());
    thyme_testkit::main([
        held::cases(parts::cases(rest::cases(check::cases(two::cases(kill::cases(suite)))))),
        once::suite(needs),
    ])
}
