//! What librdkafka alone can do, which benchmarks measure us by: records taken and counted, bytes published in transactions.
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use thyme_core::Result;
use tokio::sync::Notify;

use crate::error::from_kafka;
use crate::raw::Queue;

/// No broker takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes records from the beginning of all partitions, many at a time, until there were `records`. Returns the bytes of their
/// values. Blocks.
///
/// # Errors
/// As reading does.
pub fn count(brokers: &str, topic: &str, records: u64) -> Result<u64> {
    let failed = |error: KafkaError| from_kafka(error, format!("count the records of `{topic}`"));
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "limit").set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("fetch.queue.backoff.ms", "0");
    let consumer: Arc<BaseConsumer> = Arc::new(config.create().map_err(failed)?);
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).map_err(failed)?;
    let (mut list, mut queues, wake) = (TopicPartitionList::new(), Vec::new(), Arc::new(Notify::new()));
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).map_err(failed)?;
        queues.push(Queue::new(&consumer, topic, partition.id(), Arc::clone(&wake))?);
    }
    consumer.assign(&list).map_err(failed)?;
    let (mut taken, mut bytes) = (0, 0);
    while taken < records {
        let before = taken;
        for queue in &mut queues {
            queue.take(usize::MAX, |record| {
                if record.error().is_none() {
                    taken += 1;
                    bytes += record.value().map_or(0, |value| value.len() as u64);
                }
            });
        }
        if taken == before {
            // What is not a record: errors, which pass.
            let _ = consumer.poll(Duration::from_millis(1));
        }
    }
    Ok(bytes)
}

/// Publishes `records` times what `value` makes of a number, keyed by the number, `each` to a transaction. Blocks.
///
/// # Errors
/// As publishing does.
pub fn publish(brokers: &str, topic: &str, records: u64, each: u64, mut value: impl FnMut(u64, &mut Vec<u8>)) -> Result<()> {
    let failed = |error: KafkaError| from_kafka(error, format!("publish to `{topic}`"));
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("transactional.id", format!("limit-{topic}")).set("linger.ms", "5");
    config.set("batch.size", "1000000").set("queue.buffering.max.messages", "1000000");
    let producer: ThreadedProducer<_> = config.create().map_err(failed)?;
    producer.init_transactions(PATIENCE).map_err(failed)?;
    let (mut key, mut bytes) = (String::new(), Vec::new());
    for number in 0..records {
        if number % each == 0 {
            if number > 0 {
                producer.commit_transaction(PATIENCE).map_err(failed)?;
            }
            producer.begin_transaction().map_err(failed)?;
        }
        key.clear();
        key.push_str(&number.to_string());
        bytes.clear();
        value(number, &mut bytes);
        let mut next = Some(BaseRecord::to(topic).key(key.as_str()).payload(bytes.as_slice()));
        while let Some(record) = next.take() {
            if let Err((error, record)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(failed(error));
                }
                std::thread::sleep(Duration::from_millis(1));
                next = Some(record);
            }
        }
    }
    producer.commit_transaction(PATIENCE).map_err(failed)
}
