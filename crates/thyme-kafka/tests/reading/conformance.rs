//! What every source has to do, done to a topic.
use std::sync::atomic::{AtomicBool, Ordering};

use thyme_core::{Dataset, Error, Kind, Result, Secret, Source, async_trait};
use thyme_kafka::{GroupProtocol, KafkaSource};
use thyme_testkit::harness::{Change, Golden, Refused, SourceDeclares, SourceFixture, SourceHarness};
use thyme_testkit::kafka::{Kafka, Listener, New, missing};
use thyme_testkit::rows::{self, Row};

use crate::world::World;

/// A topic of three partitions, read by one process or by those of a group.
pub(crate) struct Harness {
    pub(crate) shared: Option<GroupProtocol>,
}

struct Fixture {
    world: World,
    shared: Option<GroupProtocol>,
    extra: AtomicBool,
}

#[async_trait]
impl SourceHarness for Harness {
    fn declares(&self) -> SourceDeclares {
        SourceDeclares { rows: 42, drifts: true, hands_over: self.shared.is_some(), ..SourceDeclares::default() }
    }

    fn missing(&self) -> Option<String> {
        missing()
    }

    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        let world = World::new(3, &[]).await?;
        Ok(Box::new(Fixture { world, shared: self.shared, extra: AtomicBool::new(false) }))
    }

    fn golden(&self) -> Vec<Golden> {
        Vec::new()
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Source>>> {
        if self.missing().is_some() || self.shared.is_some() {
            return Ok(Vec::new());
        }
        let brokers = Kafka::shared()?.brokers(Listener::Plain);
        let at = |brokers: &str, topic: &str| -> Box<dyn Source> {
            Box::new(
                KafkaSource::builder().brokers(brokers).topic([topic]).connect_timeout(std::time::Duration::from_secs(3)).build(),
            )
        };
        Ok(vec![
            Refused { name: "closed_port", connector: at("127.0.0.1:1", "t"), kind: Kind::Unavailable },
            Refused { name: "no_such_topic", connector: at(&brokers, "none"), kind: Kind::NotFound },
        ])
    }

    fn secret(&self) -> Result<Option<(Box<dyn Source>, String)>> {
        let source = KafkaSource::builder().brokers("h:1").topic(["t"]).sasl_username(Secret::new("u"));
        Ok(Some((Box::new(source.sasl_password(Secret::new("s3cr3t-word")).build()), "s3cr3t-word".to_owned())))
    }
}

#[async_trait]
impl SourceFixture for Fixture {
    fn source(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.world.source(|config| {
            config.max_poll_records = Some(7);
            config.shared = self.shared.is_some();
            config.group_protocol = self.shared.unwrap_or_default();
        })))
    }

    fn dataset(&self) -> Result<Dataset> {
        rows::dataset("suite")
    }

    async fn add(&self, rows: &[Row]) -> Result<()> {
        let extra = self.extra.load(Ordering::Relaxed);
        let records = rows.iter().map(|Row { id, tick, text }| {
            let mut value = serde_json::json!({ "id": id, "tick": tick, "text": text });
            if extra {
                value["extra"] = serde_json::json!(id);
            }
            New::to((id % 3) as i32, value.to_string())
        });
        self.world.kafka.produce(&self.world.topic, records).await
    }

    async fn change(&self, change: Change) -> Result<()> {
        match change {
            Change::AddColumn(_) => self.extra.store(true, Ordering::Relaxed),
            // The group moves partitions when processes come and go, and not otherwise.
            Change::HandOver(_) => {}
            other => return Err(Error::new(Kind::Unsupported, format!("{other:?}"))),
        }
        Ok(())
    }
}
