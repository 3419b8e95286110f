//! A Kafka of the benchmark's own, gone when it is dropped and when we die in whatever way.
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::Bench;
use crate::{Result, process};

/// A running broker, with a worker of Connect beside it where that was asked for.
pub(super) struct Broker {
    child: Child,
    pub(super) brokers: String,
    /// Where Connect listens, and its process.
    pub(super) connect: Option<(String, u64)>,
}

impl Broker {
    pub(super) fn start(bench: &Bench, connect: bool) -> Result<Self> {
        let mut command = process::command(&bench.kafka, &bench.folder);
        command.args(connect.then_some("--connect")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("Kafka does not start: {e}"))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(|e| format!("Kafka does not start: {e}"))?;
        }
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let brokers = said["brokers"].as_str().map(str::to_owned);
        let connect = said["connect"].as_str().map(str::to_owned).zip(said["connect_pid"].as_u64());
        let brokers = brokers.ok_or_else(|| "Kafka did not come up".to_owned());
        Ok(Self { child, brokers: brokers?, connect })
    }

    /// A topic that is not there yet, of four partitions.
    pub(super) fn topic(&self, bench: &Bench) -> Result<String> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let topic = format!("race-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        bench.peer(&["create", &self.brokers, &topic, "4"], 0)?;
        Ok(topic)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
