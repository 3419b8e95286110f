//! What librdkafka alone can do, which benchmarks measure us by: records taken and counted, bytes published in transactions.
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use thyme_core::Result;
use tokio::sync::Notify;

use crate::error::from_kafka;
use crate::raw::Queue;

/// No broker takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes records from the beginning of all partitions, many at a time, until there were `records`. Returns the bytes of their
/// values. By a member of a group, as librdkafka's manual has it, or by a client in none. Blocks.
///
/// # Errors
/// As reading does.
pub fn count(brokers: &str, topic: &str, records: u64, grouped: bool) -> Result<u64> {
    let failed = |error: KafkaError| from_kafka(error, format!("count the records of `{topic}`"));
    let mut settings = settings(brokers);
    if grouped {
        settings.set("group.id", "limit");
    }
    let consumer = Arc::new(settings.create::<BaseConsumer>().map_err(failed)?);
    let (list, mut queues, wake) = (all(&consumer, topic).map_err(failed)?, Vec::new(), Arc::new(Notify::new()));
    for at in list.elements() {
        let (partition, wake) = (at.partition(), Arc::clone(&wake));
        let queue = match grouped {
            true => Queue::of(&consumer, topic, partition, wake),
            false => Queue::fetch(&consumer, topic, partition, 0, wake),
        };
        queues.push(queue.map_err(failed)?);
    }
    if grouped {
        consumer.assign(&list).map_err(failed)?;
    }
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

/// Takes records from the beginning of all partitions, one at a time, until there were `records`, and gives each value to `each`.
/// Blocks.
///
/// # Errors
/// As reading does, and those of `each`.
pub fn poll(brokers: &str, topic: &str, records: u64, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let failed = |error: KafkaError| from_kafka(error, format!("poll `{topic}`"));
    let consumer = settings(brokers).set("group.id", "limit").create().and_then(|consumer: BaseConsumer| {
        consumer.assign(&all(&consumer, topic)?)?;
        Ok(consumer)
    });
    let (consumer, mut taken) = (consumer.map_err(failed)?, 0);
    while taken < records {
        match consumer.poll(PATIENCE) {
            Some(message) => each(message.map_err(failed)?.payload().unwrap_or_default())?,
            None => return Err(failed(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut))),
        }
        taken += 1;
    }
    Ok(())
}

fn settings(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed").set("fetch.queue.backoff.ms", "0");
    config
}

/// All partitions of a topic, from their beginning.
fn all(consumer: &BaseConsumer, topic: &str) -> Result<TopicPartitionList, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    Ok(list)
}

/// Publishes `records` records: those of `values`, keyed by their numbers, again and again, each round a transaction. Blocks.
///
/// # Errors
/// As publishing does.
pub fn publish(brokers: &str, topic: &str, records: u64, values: &[Vec<u8>]) -> Result<()> {
    let failed = |error: KafkaError| from_kafka(error, format!("publish to `{topic}`"));
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("transactional.id", format!("limit-{topic}")).set("linger.ms", "5");
    config.set("batch.size", "1000000").set("queue.buffering.max.messages", "1000000").set("delivery.report.only.error", "true");
    let producer: ThreadedProducer<_> = config.create().map_err(failed)?;
    producer.init_transactions(PATIENCE).map_err(failed)?;
    let keys: Vec<String> = (0..values.len()).map(|number| number.to_string()).collect();
    let mut left = usize::try_from(records).unwrap_or(usize::MAX);
    while left > 0 && !values.is_empty() {
        producer.begin_transaction().map_err(failed)?;
        for (key, value) in keys.iter().zip(values).take(left) {
            let mut next = Some(BaseRecord::to(topic).key(key.as_str()).payload(value.as_slice()));
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
        producer.commit_transaction(PATIENCE).map_err(failed)?;
        left = left.saturating_sub(values.len());
    }
    Ok(())
}
