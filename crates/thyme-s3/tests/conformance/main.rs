//! S3 passes the suite.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;

mod files;
mod sink;
mod source;
#[path = "../world/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod world;

use files::Format;

/// Objects that are copied before the intent stands come a second time, and those of a fenced writer come at all.
const INTENT: &[&str] = &[
    "sink/rows_and_cursor_agree_after_kill/file.after_rename",
    "sink/rows_and_cursor_agree_after_kill/file.after_settle",
    "sink/rows_and_cursor_agree_after_kill/object.after_copy",
    "sink/a_second_open_fences_the_first",
];

fn main() -> ExitCode {
    let sink = |format| sink::Harness { format, overwrite: false, rolled: false };
    thyme_testkit::main([
        Suite::new("s3_jsonl").source(source::Harness { format: Format::Jsonl }).sink(sink(Format::Jsonl)),
        Suite::new("s3_parquet").source(source::Harness { format: Format::Parquet }),
        Suite::new("s3_rolled").sink(sink::Harness { rolled: true, ..sink(Format::Parquet) }).breakage("no_intent", INTENT),
        Suite::new("s3_overwritten").sink(sink::Harness { overwrite: true, ..sink(Format::Parquet) }),
    ])
}
