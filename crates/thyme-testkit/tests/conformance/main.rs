//! The reference connectors pass the suite whole.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;
use thyme_testkit::harness::NullTicks;

mod group;
mod shards;
mod table;
mod target;

/// Who is told too early hands its splits on too early.
const ACK: &[&str] = &[
    "source/engine/no_ack_before_its_commit_is_durable",
    "group/source/engine/three_engines_trade_splits",
    "group/source/engine/every_row_once_whatever_commit_breaks",
];

/// One cursor for all splits is not where the cursor of a split is looked for.
const TASKS: &[&str] = &["source/engine/three_engines_trade_splits", "group/source/engine/no_ack_before_its_commit_is_durable"];

fn main() -> ExitCode {
    thyme_testkit::main([
        Suite::new("table").source(table::Harness(NullTicks::Fail)),
        Suite::new("table_without_nulls").source(table::Harness(NullTicks::Exclude)),
        Suite::new("shards").source(shards::Harness),
        Suite::new("group").source(group::Harness),
        Suite::new("target").sink(target::Harness::default()),
        Suite::new("target_that_refuses").sink(target::Harness { refuses: Some("no thanks"), ..target::Harness::default() }),
        Suite::new("target_of_inserts").sink(target::Harness { inserts: true, ..target::Harness::default() }),
        Suite::new("target_replaced").sink(target::Harness { per_poll: true, inserts: true, ..target::Harness::default() }),
        Suite::new("target_without_cursor").sink(target::Harness { no_cursor: true, ..target::Harness::default() }),
        Suite::new("all")
            .breakage("moved_bound", &["source/the_bound_of_a_poll_does_not_move"])
            .breakage("children_at_read", &["source/children_open_when_their_parents_are_durable"])
            .breakage("ack_before_commit", ACK)
            .breakage("cursor_per_pipeline", TASKS),
    ])
}
