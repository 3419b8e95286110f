//! The metrics of a pipeline: one table of names, and the endpoint that Prometheus reads.
//!
//! Every metric has the label `pipeline`.
use std::net::SocketAddr;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use thyme_core::connector::Metric;
use thyme_core::{Error, Kind, Result};

/// Counter: rows read from the source, rejected ones included.
pub const ROWS_READ: &str = "thyme_rows_read_total";
/// Counter: rows durable in the sink.
pub const ROWS_WRITTEN: &str = "thyme_rows_written_total";
/// Counter: bytes read, as they are in memory.
pub const BYTES_READ: &str = "thyme_bytes_read_total";
/// Counter: bytes durable in the sink, as they are in memory.
pub const BYTES_WRITTEN: &str = "thyme_bytes_written_total";
/// Gauge: seconds between the newest event time read and now.
pub const LAG: &str = "thyme_lag_seconds";
/// Gauge: the watermark in seconds since 1970.
pub const WATERMARK: &str = "thyme_watermark_seconds";
/// Gauge: seconds since the last commit, or since the start before the first.
pub const STATE_AGE: &str = "thyme_state_age_seconds";
/// Counter: rows that came later than `max_lateness` allows.
pub const LATE: &str = "thyme_late_rows_total";
/// Counter: dead letters written, late rows among them.
pub const DEAD_LETTERS: &str = "thyme_dead_letters_total";
/// Counter: bad records left out under `on_error = "skip"`, and rows before `from_timestamp`.
pub const SKIPPED: &str = "thyme_skipped_rows_total";
/// Counter: times the pipeline was opened anew after an error.
pub const RETRIES: &str = "thyme_retries_total";
/// Counter: commits.
pub const COMMITS: &str = "thyme_commits_total";
/// Histogram: seconds a commit took, saving the cursor included.
pub const COMMIT_LATENCY: &str = "thyme_commit_latency_seconds";

const fn metric(name: &'static str, kind: &'static str, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

/// What the engine measures of every pipeline. A connector's own metrics stand in its
/// [`Connector`](thyme_core::connector::Connector).
pub const ALL: &[Metric] = &[
    metric(ROWS_READ, "counter", "Rows read from the source, rejected ones included"),
    metric(ROWS_WRITTEN, "counter", "Rows durable in the sink"),
    metric(BYTES_READ, "counter", "Bytes read, as they are in memory"),
    metric(BYTES_WRITTEN, "counter", "Bytes durable in the sink, as they are in memory"),
    metric(LAG, "gauge", "Seconds between the newest event time read and now"),
    metric(WATERMARK, "gauge", "The watermark in seconds since 1970"),
    metric(STATE_AGE, "gauge", "Seconds since the last commit, or since the start before the first"),
    metric(LATE, "counter", "Rows that came later than max_lateness allows"),
    metric(DEAD_LETTERS, "counter", "Dead letters written, late rows among them"),
    metric(SKIPPED, "counter", "Bad records left out under on_error = skip, and rows before from_timestamp"),
    metric(RETRIES, "counter", "Times the pipeline was opened anew after an error"),
    metric(COMMITS, "counter", "Commits"),
    metric(COMMIT_LATENCY, "histogram", "Seconds a commit took, saving the cursor included"),
];

const BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Serves the metrics of this process at `http://<addr>/metrics` until it ends. Called inside a tokio runtime.
///
/// # Errors
/// `Config` when the address can't be listened at, or metrics are recorded elsewhere already.
pub fn serve(addr: SocketAddr) -> Result<()> {
    let wrong = |e| Error::new(Kind::Config, "metrics can't be served").context("address", addr).source(e);
    let builder = PrometheusBuilder::new()
        .with_http_listener(addr)
        .set_buckets_for_metric(Matcher::Full(COMMIT_LATENCY.into()), BUCKETS)
        .map_err(wrong)?;
    builder.install().map_err(wrong)?;
    describe(ALL);
    Ok(())
}

/// Tells the recorder of this process what each of them means.
pub fn describe(metrics: &[Metric]) {
    for Metric { name, kind, help } in metrics.iter().copied() {
        match kind {
            "counter" => describe_counter!(name, help),
            "gauge" => describe_gauge!(name, help),
            _ => describe_histogram!(name, Unit::Seconds, help),
        }
    }
}

/// Makes the counters of a pipeline appear, at 0.
pub(crate) fn begin(pipeline: &str) {
    for metric in ALL.iter().filter(|metric| metric.kind == "counter") {
        counter!(metric.name, "pipeline" => pipeline.to_owned()).increment(0);
    }
}

pub(crate) fn count(name: &'static str, pipeline: &str, by: u64) {
    if by > 0 {
        counter!(name, "pipeline" => pipeline.to_owned()).increment(by);
    }
}

pub(crate) fn set(name: &'static str, pipeline: &str, to: f64) {
    gauge!(name, "pipeline" => pipeline.to_owned()).set(to);
}

pub(crate) fn committed(pipeline: &str, took: Duration) {
    count(COMMITS, pipeline, 1);
    histogram!(COMMIT_LATENCY, "pipeline" => pipeline.to_owned()).record(took.as_secs_f64());
}
