//! A topic into a topic and into a table while records come: `kill -9` at random moments, then the truth.
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use thyme_core::{Error, Kind, Result};
use thyme_testkit::Suite;
use thyme_testkit::kafka::{Kafka, New};

use crate::place::{Dice, Place};

const PARTITIONS: i32 = 6;

/// How one process that reads alone is told.
pub(crate) const ALONE: &str = "session_timeout_ms = 6000\nheartbeat_interval_ms = 500\n";

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("topic_to_topic", || random(Target::Topic, 10))
        .case("topic_to_table", || random(Target::Table, 10))
        .case("topic_to_topic_at_every_point", || points(1))
        .soak("topic_to_topic_100_kills", || random(Target::Topic, 100))
        .soak("topic_to_table_100_kills", || random(Target::Table, 100))
        .soak("topic_to_topic_at_every_point_ten_times", || points(10))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Topic,
    Table,
}

/// Reads `TOPIC-in`, whose records say their partition and their number in it.
fn pipeline(target: Target, topic: &str, how: &str) -> String {
    let head = format!(
        "[[pipeline]]\nname = \"{topic}\"\ncommit = {{ every = \"100ms\" }}\n\
         [pipeline.dataset]\nkey = [\"part\"]\nfields = {{ part = \"int64\", n = \"int64!\" }}\n\
         [pipeline.source]\ntype = \"kafka\"\ntopic = \"{topic}-in\"\nauto_offset_reset = \"earliest\"\n\
         {how}[pipeline.sink]\n"
    );
    head + &match target {
        Target::Topic => format!(
            "type = \"kafka\"\ntopic = \"{topic}\"\npartition_field = \"part\"\ncreate_topic = {{ partitions = {PARTITIONS} }}\n\
             transaction_timeout = \"10s\"\n"
        ),
        Target::Table => "type = \"postgres\"\ntable = \"landed\"\n".to_owned(),
    }
}

/// Records that come until it is dropped.
pub(crate) struct Stream {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicI64>,
    writing: tokio::task::JoinHandle<Result<()>>,
}

impl Stream {
    /// Every tenth of a second some into each partition; one in four batches in a transaction that is aborted.
    fn start(kafka: &'static Kafka, topic: String) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&sent));
        let writing = tokio::spawn(async move {
            for round in 0_i64.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let records = |first: i64| {
                    let numbers = (first..first + 20).flat_map(|n| (0..PARTITIONS).map(move |part| (part, n)));
                    numbers.map(|(part, n)| New::to(part, format!("{{\"part\":{part},\"n\":{n}}}"))).collect::<Vec<_>>()
                };
                let first = count.load(Ordering::Relaxed);
                if round % 4 == 3 {
                    kafka.produce_in_transaction(&topic, &topic, records(-1_000_000), false).await?;
                }
                if round % 2 == 1 {
                    kafka.produce_in_transaction(&topic, &topic, records(first), true).await?;
                } else {
                    kafka.produce(&topic, records(first)).await?;
                }
                count.store(first + 20, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        });
        Self { stop, sent, writing }
    }

    /// How many each partition has.
    pub(crate) async fn end(self) -> Result<i64> {
        self.stop.store(true, Ordering::Relaxed);
        let broke = |e| Error::new(Kind::Unexpected, "the writer broke off").source(e);
        self.writing.await.map_err(broke)??;
        Ok(self.sent.load(Ordering::Relaxed))
    }
}

/// Every number once and in order, in each partition.
pub(crate) async fn compare(place: &Place, target: Target, each: i64) -> Result<()> {
    let mut found: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut take = |part: i64, n: i64| found.entry(part).or_default().push(n);
    match target {
        Target::Topic => {
            for record in place.kafka.read(&place.topic).await? {
                let value: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
                let (part, n) = (value["part"].as_i64().unwrap(), value["n"].as_i64().unwrap());
                assert_eq!(part, i64::from(record.partition));
                take(part, n);
            }
        }
        Target::Table => {
            for row in place.database.column("select part || ' ' || n from landed order by place").await? {
                let (part, n) = row.split_once(' ').unwrap();
                take(part.parse().unwrap(), n.parse().unwrap());
            }
        }
    }
    let expected: BTreeMap<i64, Vec<i64>> = (0..i64::from(PARTITIONS)).map(|part| (part, (0..each).collect())).collect();
    for (part, numbers) in &expected {
        let got = found.get(part).map(Vec::as_slice).unwrap_or_default();
        let wrong = got.iter().zip(numbers).position(|(got, n)| got != n);
        assert_eq!(wrong, None, "partition {part}: {:?}", wrong.map(|at| &got[at.saturating_sub(3)..(at + 3).min(got.len())]));
        assert_eq!(got.len(), numbers.len(), "partition {part}");
    }
    Ok(())
}

/// A stream, and a pipeline that is told `how` to read it.
pub(crate) async fn new(target: Target, how: &str) -> Result<(Place, Stream)> {
    let place = Place::new(|topic| pipeline(target, topic, how)).await?;
    // In the order of their commits, and as they were written within each.
    place.database.run("create table landed (part bigint, n bigint, place bigint generated always as identity)").await?;
    let topic = format!("{}-in", place.topic);
    place.kafka.create_topic(&topic, PARTITIONS, &[]).await?;
    let stream = Stream::start(place.kafka, topic);
    Ok((place, stream))
}

/// Records of all partitions together, where each has so many.
pub(crate) fn total(each: i64) -> i64 {
    each * i64::from(PARTITIONS)
}

/// How many records have landed.
pub(crate) async fn landed(place: &Place, target: Target) -> Result<i64> {
    Ok(match target {
        Target::Topic => place.kafka.read(&place.topic).await.map_or(0, |records| records.len() as i64),
        Target::Table => place.database.column("select count(*) from landed").await?[0].parse().unwrap(),
    })
}

/// The same with the markers of transactions, which is faster told.
async fn grown(place: &Place, target: Target) -> Result<i64> {
    match target {
        Target::Topic => Ok(place.grown().await),
        Target::Table => landed(place, target).await,
    }
}

async fn random(target: Target, kills: usize) -> Result<()> {
    let (place, stream) = new(target, ALONE).await?;
    let mut dice = Dice(11);
    for _ in 0..kills {
        let before = grown(&place, target).await?;
        let mut life = place.start("state", &[], None)?;
        let begun = Instant::now();
        while grown(&place, target).await? <= before {
            assert!(life.ended()?.is_none(), "the program ended: {}", life.log());
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing lands: {}", life.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs_f64(dice.roll() * 0.5)).await;
        life.kill();
    }
    let each = stream.end().await?;
    place.finish("state").await?;
    println!("{target:?}: {kills} kills, {} records", total(each));
    compare(&place, target, each).await
}

async fn points(times: usize) -> Result<()> {
    let (place, stream) = new(Target::Topic, ALONE).await?;
    for point in ["engine.before_commit", "engine.after_commit", "engine.after_ack"] {
        for nth in 1..=times {
            let mut life = place.start("state", &[], Some(&format!("{point}:{nth}")))?;
            let status = life.end().await?;
            assert!(status.signal().is_some(), "{point}:{nth} is not passed: {}", life.log());
        }
    }
    let each = stream.end().await?;
    place.finish("state").await?;
    compare(&place, Target::Topic, each).await
}
