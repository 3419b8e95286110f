//! Reading: which files are new or have grown, and their rows in order, each once.
//!
//! A poll lists the files page by page and cuts what is to be read into groups, the splits of the source. A thread for each
//! group opens one file after another and decodes ahead; JSON Lines are decoded on several threads, in order. The cursor
//! remembers each file by an id that a rename keeps, with the place that was reached and prints of the bytes before it.
mod again;
mod base;
mod buffer;
mod bytes;
mod closed;
mod columns;
mod csv;
mod decide;
mod discover;
mod file;
mod group;
mod held;
mod json;
mod lines;
mod options;
mod packed;
mod parquet;
mod part;
mod plan;
mod prints;
mod source;
mod state;

use thyme_core::Job;
use thyme_core::arrow::datatypes::TimeUnit;
use thyme_formats::TimestampUnit;

pub use decide::METRICS;
pub use options::{Changed, MetadataColumn, ReadFormat, ReadOptions};
pub use source::{FilesSource, Noted};

/// What a bare number counts where a timestamp is wanted.
fn unit(job: &Job) -> TimestampUnit {
    match job.dataset.timestamp_unit() {
        TimeUnit::Millisecond => TimestampUnit::Milliseconds,
        TimeUnit::Microsecond | TimeUnit::Nanosecond => TimestampUnit::Microseconds,
        TimeUnit::Second => TimestampUnit::Seconds,
    }
}
