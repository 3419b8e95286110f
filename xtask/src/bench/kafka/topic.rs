//! Topics: read into Arrow, and published from it.
use super::broker::Broker;
use super::{Bench, equal, racer};
use crate::{Result, process};

/// JSON into Arrow, beside a client that takes the same records and drops them.
pub(super) fn consume(bench: &Bench) -> Result {
    let broker = Broker::start(bench, false)?;
    let (topic, records) = (broker.topic(bench)?, bench.options.records);
    bench.helper("limit", &broker, &topic, records)?;
    let count = || bench.helper("count", &broker, &topic, records);
    let mut racers = vec![
        racer("librdkafka, batch queues, counted", count),
        racer("thyme, to Arrow", || bench.helper("read", &broker, &topic, records)),
        racer("librdkafka, batch queues, counted, in no group", || bench.helper("alone", &broker, &topic, records)),
        racer("librdkafka's poll and arrow-json, one thread", || bench.helper("poll", &broker, &topic, records)),
        racer("confluent-kafka + orjson", || {
            bench.peer(&["consume", &broker.brokers, &topic, &records.to_string()], records).map(|(sample, _)| sample)
        }),
    ];
    if let Some(kcat) = &bench.kcat {
        racers.push(racer("kcat, to nowhere", || {
            let mut shell = process::command("sh", &bench.folder);
            let script = "\"$1\" -q -b \"$2\" -C -t \"$3\" -o beginning -e -f '\\n' | wc -l";
            shell.args(["-c", script, "sh", kcat, &broker.brokers, &topic]);
            let sample = bench.measure(&shell)?;
            let counted = bench.python.log()?.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or_default();
            equal(counted, records).map(|()| sample)
        }));
    }
    bench.race(&format!("{records} records of JSON"), &racers)
}

/// From Arrow, exactly once, beside a client that writes the same records in transactions as large.
pub(super) fn publish(bench: &Bench) -> Result {
    let broker = Broker::start(bench, false)?;
    let records = bench.options.records;
    let counted = |task: &str| {
        let topic = broker.topic(bench)?;
        let sample = bench.helper(task, &broker, &topic, records)?;
        bench.peer(&["visible", &broker.brokers, &topic], records)?;
        Ok(sample)
    };
    let racers = [racer("librdkafka, transactions", || counted("limit")), racer("thyme, from Arrow", || counted("publish"))];
    bench.race(&format!("{records} records in transactions"), &racers)
}
