//! The suite of every sink.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::{Dataset, Kind, Result, Secret, Sink, async_trait};
use thyme_formats::json::{JsonOptions, JsonScanner};
use thyme_kafka::{Delivery, Encoding, KafkaSinkConfig};
use thyme_testkit::Suite;
use thyme_testkit::harness::{Refused, SinkDeclares, SinkFixture, SinkHarness};
use thyme_testkit::kafka::{Kafka, missing};

use crate::world::World;

pub(crate) fn suites() -> Vec<Suite> {
    // Rows that are committed before their cursor come twice after a death in between.
    let cursor_apart = &[
        "sink/rows_and_cursor_agree_after_kill/kafka.before_commit",
        "sink/rows_and_cursor_agree_after_kill/kafka.after_commit",
        "sink/a_second_open_fences_the_first",
    ];
    // What nobody fences nobody aborts either: readers wait for the end of what the killed one left open.
    let no_fence = &[
        "sink/a_second_open_fences_the_first",
        "sink/rows_and_cursor_agree_after_kill/kafka.staged",
        "sink/rows_and_cursor_agree_after_kill/kafka.before_commit",
    ];
    vec![
        Suite::new("kafka_append").sink(Harness(Encoding::Append, Delivery::ExactlyOnce)).breakage("cursor_apart", cursor_apart),
        Suite::new("kafka_upsert").sink(Harness(Encoding::Upsert, Delivery::ExactlyOnce)).breakage("no_fence", no_fence),
        Suite::new("kafka_at_least_once").sink(Harness(Encoding::Append, Delivery::AtLeastOnce)),
    ]
}

#[derive(Clone, Copy)]
struct Harness(Encoding, Delivery);

struct Fixture {
    harness: Harness,
    world: World,
}

#[async_trait]
impl SinkHarness for Harness {
    fn declares(&self) -> SinkDeclares {
        // The type table has no key. JSON's own null is nothing in JSON.
        let types = (self.0 == Encoding::Append).then_some(&["json"][..]);
        SinkDeclares {
            ordered: self.0 == Encoding::Append,
            early: self.1 == Delivery::AtLeastOnce,
            types,
            ..SinkDeclares::default()
        }
    }

    fn missing(&self) -> Option<String> {
        missing()
    }

    async fn fixture(&self) -> Result<Box<dyn SinkFixture>> {
        let world = World::new()?;
        let (partitions, config): (_, &[_]) = match self.0 {
            Encoding::Append => (1, &[]),
            _ => (3, &[("cleanup.policy", "compact")]),
        };
        Kafka::shared()?.create_topic(&world.topic, partitions, config).await?;
        Ok(Box::new(Fixture { harness: *self, world }))
    }

    fn points(&self) -> &'static [&'static str] {
        match self.1 {
            Delivery::ExactlyOnce if self.0 == Encoding::Append => &["kafka.before_commit", "kafka.after_commit"],
            Delivery::ExactlyOnce => &["kafka.staged"],
            Delivery::AtLeastOnce => &[],
        }
    }

    fn again(&self, place: &str) -> Result<Box<dyn SinkFixture>> {
        Ok(Box::new(Fixture { harness: *self, world: World::at(place) }))
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Sink>>> {
        if missing().is_some() {
            return Ok(Vec::new());
        }
        let world = World::new()?;
        let refused = |name, kind, change: fn(&mut KafkaSinkConfig)| {
            let connector: Box<dyn Sink> = Box::new(world.sink(change));
            Refused { name, connector, kind }
        };
        Ok(vec![
            refused("missing_topic", Kind::NotFound, |config| config.create_topic = None),
            // Port 1 is nobody's.
            refused("closed_port", Kind::Unavailable, |config| {
                config.brokers = Some("127.0.0.1:1".into());
                config.connect_timeout = Some(std::time::Duration::from_secs(2));
            }),
            refused("hopeless_replication", Kind::Config, |config| {
                let factor = Some(7);
                config.create_topic = Some(thyme_kafka::CreateTopic { replication_factor: factor, ..Default::default() });
            }),
        ])
    }

    fn secret(&self) -> Result<Option<(Box<dyn Sink>, String)>> {
        let world = World { brokers: "127.0.0.1:1".into(), topic: "t".into(), progress: "p".into() };
        let sink = world.sink(|config| config.sasl_password = Some(Secret::new("hunter2")));
        Ok(Some((Box::new(sink), "hunter2".into())))
    }
}

#[async_trait]
impl SinkFixture for Fixture {
    fn sink(&self) -> Result<Box<dyn Sink>> {
        let Harness(encoding, delivery) = self.harness;
        Ok(Box::new(self.world.sink(|config| {
            config.encoding = Some(encoding);
            config.delivery = delivery;
        })))
    }

    fn place(&self) -> Option<String> {
        Some(self.world.place())
    }

    async fn dump(&self, dataset: &Dataset) -> Result<RecordBatch> {
        let records = self.world.read(Kafka::shared()?).await?;
        let mut values = Vec::new();
        if self.harness.0 == Encoding::Append {
            values.extend(records.into_iter().filter_map(|record| record.value));
        } else {
            let mut latest = BTreeMap::new();
            for record in records {
                latest.insert(record.key.expect("a key"), record.value);
            }
            values.extend(latest.into_values().flatten());
        }
        let lines = values.iter().flat_map(|value| [&value[..], b"\n"].concat()).collect::<Vec<u8>>();
        let mut scanner = JsonScanner::new(dataset.columns(), JsonOptions::default())?;
        let scanned = scanner.lines(&lines, true)?;
        assert!(scanned.bad.is_empty() && scanned.consumed == lines.len(), "{:?}", scanned.bad);
        Ok(if lines.is_empty() { RecordBatch::new_empty(Arc::clone(dataset.columns())) } else { scanned.rows })
    }
}
