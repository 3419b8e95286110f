//! Topics, sources and runs.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Dataset, Job, Result, Task, field_type};
use thyme_kafka::{AutoOffsetReset, KafkaSource, KafkaSourceConfig};
use thyme_testkit::drive::{self, Durable, Ended, How};
use thyme_testkit::kafka::{Kafka, Listener, New};

/// A topic of the shared broker, and a group to read it by.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) kafka: &'static Kafka,
    pub(crate) topic: String,
    pub(crate) group: String,
}

impl World {
    pub(crate) async fn new(partitions: i32, config: &[(&str, &str)]) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let kafka = Kafka::shared()?;
        let topic = format!("read-{number}");
        kafka.create_topic(&topic, partitions, config).await?;
        Ok(Self { kafka, topic, group: format!("group-{number}") })
    }

    /// A source that begins with the oldest record, with whatever `change` says.
    pub(crate) fn source(&self, change: impl FnOnce(&mut KafkaSourceConfig)) -> KafkaSource {
        let builder = KafkaSource::builder().brokers(self.kafka.brokers(Listener::Plain)).topic([&self.topic]);
        let mut config = builder.group_id(&self.group).auto_offset_reset(AutoOffsetReset::Earliest).config();
        change(&mut config);
        KafkaSource::new(config)
    }

    /// Writes `{"id": …}` for each id, to partition 0.
    pub(crate) async fn add(&self, ids: impl IntoIterator<Item = i64>) -> Result<()> {
        self.kafka.produce(&self.topic, ids.into_iter().map(|id| New::to(0, json(id)))).await
    }

    /// One run to the end of what is there.
    pub(crate) async fn read(&self, source: &KafkaSource, durable: &mut Durable) -> Result<Ended> {
        drive::run(source, &job(&["id int64!"]), durable, How::default()).await
    }
}

pub(crate) fn json(id: i64) -> Vec<u8> {
    format!("{{\"id\": {id}}}").into_bytes()
}

/// A job that ends, for columns as a pipeline file writes them: `id int64!`.
pub(crate) fn job(columns: &[&str]) -> Job {
    let fields = columns.iter().map(|text| {
        let (name, text) = text.split_once(' ').unwrap();
        field_type::parse(name, text).unwrap()
    });
    let dataset = Dataset::new("rows", Arc::new(Schema::new(fields.collect::<Vec<_>>()))).unwrap();
    let mut job = Job::new(Task::alone("reading"), Arc::new(dataset));
    job.once = true;
    job
}

/// The next offset of a partition, as the cursor has it.
pub(crate) fn position(durable: &Durable, split: &str) -> Option<i64> {
    let cursor = durable.cursors.get("0").or_else(|| durable.cursors.get(split))?;
    cursor.splits.get(split)?.get::<serde_json::Value>().unwrap()["offset"].as_i64()
}

/// A transaction that stays open until it is told to end.
pub(crate) struct Open(rdkafka::producer::BaseProducer);

impl Open {
    pub(crate) async fn begin(kafka: &Kafka, topic: &str, id: &str, ids: std::ops::Range<i64>) -> Result<Self> {
        use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
        let mut config = kafka.client(Listener::Plain)?;
        config.set("transactional.id", format!("{id}-open"));
        let topic = topic.to_owned();
        let open = tokio::task::spawn_blocking(move || {
            let producer: BaseProducer = config.create().unwrap();
            producer.init_transactions(std::time::Duration::from_secs(10)).unwrap();
            producer.begin_transaction().unwrap();
            for id in ids {
                let value = json(id);
                producer.send(BaseRecord::<(), [u8]>::to(&topic).partition(0).payload(&value)).map_err(|(e, _)| e).unwrap();
            }
            producer.flush(std::time::Duration::from_secs(10)).unwrap();
            Self(producer)
        });
        Ok(open.await.unwrap())
    }

    pub(crate) async fn commit(self) -> Result<()> {
        use rdkafka::producer::Producer;
        let done = move || self.0.commit_transaction(std::time::Duration::from_secs(10)).unwrap();
        tokio::task::spawn_blocking(done).await.unwrap();
        Ok(())
    }
}
