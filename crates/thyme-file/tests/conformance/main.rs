//! The file connector passes the suite.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
use std::process::ExitCode;

use thyme_testkit::Suite;

mod files;
mod sink;
mod source;

use files::Format;

/// Files that get their names before the intent stands come a second time.
const INTENT: &[&str] =
    &["sink/rows_and_cursor_agree_after_kill/file.after_rename", "sink/rows_and_cursor_agree_after_kill/file.after_settle"];

fn main() -> ExitCode {
    let sink = |format| sink::Harness { format, overwrite: false, rolled: false };
    thyme_testkit::main([
        Suite::new("file_jsonl").source(source::Harness { format: Format::Jsonl, grows: false }).sink(sink(Format::Jsonl)),
        Suite::new("file_jsonl_that_grows").source(source::Harness { format: Format::Jsonl, grows: true }),
        Suite::new("file_csv").source(source::Harness { format: Format::Csv, grows: false }).sink(sink(Format::Csv)),
        Suite::new("file_csv_that_grows").source(source::Harness { format: Format::Csv, grows: true }),
        Suite::new("file_parquet").source(source::Harness { format: Format::Parquet, grows: false }).sink(sink(Format::Parquet)),
        Suite::new("file_avro").source(source::Harness { format: Format::Avro, grows: false }).sink(sink(Format::Avro)),
        Suite::new("file_arrow").source(source::Harness { format: Format::Arrow, grows: false }).sink(sink(Format::Arrow)),
        Suite::new("file_rolled").sink(sink::Harness { rolled: true, ..sink(Format::Parquet) }).breakage("no_intent", INTENT),
        Suite::new("file_overwritten").sink(sink::Harness { overwrite: true, ..sink(Format::Parquet) }),
    ])
}
