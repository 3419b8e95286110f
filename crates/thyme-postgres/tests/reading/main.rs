//! Reading from a real server: the suite of every source, and what tables and transactions add to it.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;
use thyme_testkit::harness::NullTicks;
use thyme_testkit::postgres::{Major, missing};

mod advice;
mod conformance;
mod cuts;
mod keys;
mod late;
mod models;
mod ties;
mod world;

fn main() -> ExitCode {
    let there = Major::chosen().map_or_else(|error| Some(error.to_string()), missing);
    thyme_testkit::main([
        Suite::new("table").source(conformance::Harness::new(NullTicks::Fail, 1)),
        Suite::new("table_with_null_cursors").source(conformance::Harness::new(NullTicks::Include, 1)),
        Suite::new("table_in_parts").source(conformance::Harness::new(NullTicks::Exclude, 3)),
        ties::suite(there.clone()),
        late::suite(there.clone()),
        late::writers(there.clone()),
        models::suite(there.clone()),
        keys::suite(there.clone()),
        cuts::suite(there.clone()),
        advice::suite(there),
    ])
}
