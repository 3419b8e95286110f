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
        racer("confluent-kafka + orjson", || {
            bench.peer(&["consume", &broker.brokers, &topic, &records.to_string()], records).map(|(sample, _)| sample)
        }),
    ];
    if process::command("kcat", &bench.folder).arg("-V").output().is_ok_and(|output| output.status.success()) {
        racers.push(racer("kcat, to nowhere", || {
            let mut kcat = process::command("sh", &bench.folder);
            let script = "kcat -q -b \"$1\" -C -t \"$2\" -o beginning -e -f '\\n' | wc -l";
            kcat.args(["-c", script, "sh", &broker.brokers, &topic]);
            let sample = bench.measure(&kcat)?;
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
