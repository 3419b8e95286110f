//! The file connector against real files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
mod sink_exactly_once;
mod sink_failures;
mod sink_fence;
mod sink_formats;
mod sink_modes;
mod sink_names;
mod sink_roll;
mod sink_support;
mod sink_types;
mod source;
mod stdout;
