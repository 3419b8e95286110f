//! The sink passes the suite, and what is its own.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;
use thyme_testkit::kafka::missing;

mod conformance;
mod encodings;
mod fence;
mod outages;
mod progress;
mod records;
mod refused;
mod world;

fn main() -> ExitCode {
    let own = |name: &str| Suite::new(name).needs(missing());
    let suites = [
        records::cases(own("records")),
        encodings::cases(own("encodings")),
        refused::cases(own("refused")),
        fence::cases(own("fence")),
        progress::cases(own("progress")),
        outages::cases(own("outages")),
    ];
    thyme_testkit::main(conformance::suites().into_iter().chain(suites))
}
