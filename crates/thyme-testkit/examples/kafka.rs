//! A Kafka to try things on, and with `--connect` a worker of Connect beside it: prints where they are, as JSON, and is gone
//! with them when its input ends.
#![allow(clippy::print_stdout, reason = "an example prints")]
use std::io::Read;

use thyme_core::{Error, Kind, Result};
use thyme_testkit::kafka::{Connect, Kafka, Listener, Settings};

fn main() -> Result<()> {
    // Made for a long run, unlike those of the tests.
    let options: Vec<String> = ["-XX:TieredStopAtLevel=4", "-XX:-UseSerialGC", "-XX:+UseG1GC"].map(str::to_owned).into();
    let kafka = Kafka::start(&Settings { heap_mb: 1024, java: options.clone(), ..Settings::default() })?;
    let connect = match std::env::args().nth(1).as_deref() {
        None => None,
        Some("--connect") => Some(Connect::start_with(&kafka, 1024, &options)?),
        Some(other) => return Err(Error::new(Kind::Config, format!("kafka does not know {other}: it takes `--connect`"))),
    };
    let (url, pid) = (connect.as_ref().map(Connect::url), connect.as_ref().and_then(Connect::pid));
    println!("{}", serde_json::json!({ "brokers": kafka.brokers(Listener::Plain), "connect": url, "connect_pid": pid }));
    let ended = std::io::stdin().read_to_end(&mut Vec::new());
    ended.map(drop).map_err(|e| Error::new(Kind::Unexpected, "the input broke off").source(e))
}
