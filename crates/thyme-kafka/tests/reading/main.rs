//! Reading from real brokers: the suite of every source, and what topics and groups add to it.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;

mod alone;
mod anew;
mod changes;
mod conformance;
mod cuts;
mod poison;
mod rebalance;
mod security;
mod shared;
mod start;
mod transactions;
mod world;

fn main() -> ExitCode {
    let suites = [
        Suite::new("topic").source(conformance::Harness { shared: None }),
        Suite::new("topic_shared").source(conformance::Harness { shared: Some(thyme_kafka::GroupProtocol::Classic) }),
        Suite::new("topic_shared_848").source(conformance::Harness { shared: Some(thyme_kafka::GroupProtocol::Consumer) }),
        start::suite(),
        transactions::suite(),
        poison::suite(),
        anew::suite(),
        changes::suite(),
        alone::suite(),
        shared::suite(),
        rebalance::suite(),
        cuts::suite(),
    ];
    thyme_testkit::main(suites.into_iter().chain(security::suites()))
}
