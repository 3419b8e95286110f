//! Records as they lie in a topic, written and read without Thyme.
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{Message, Offset, TopicPartitionList};
use thyme_core::{Error, Kind, Result};

use super::admin::{PATIENCE, blocking, partitions};
use super::listener::failed;
use super::{Kafka, Listener};

/// A record to be written.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// Its partition; `None`: by its key.
    pub partition: Option<i32>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; `None`: now.
    pub timestamp: Option<i64>,
}

impl New {
    /// A record with key and value.
    #[must_use]
    pub fn keyed(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: Some(key.into()), value: Some(value.into()), ..Self::default() }
    }

    /// A record without a key, in a partition.
    #[must_use]
    pub fn to(partition: i32, value: impl Into<Vec<u8>>) -> Self {
        Self { partition: Some(partition), value: Some(value.into()), ..Self::default() }
    }
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
}

impl Record {
    /// The key as text; empty without one.
    #[must_use]
    pub fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }

    /// The value as text; empty without one.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

impl Kafka {
    /// Writes records, outside a transaction, in their order, and waits until all brokers have them.
    ///
    /// # Errors
    /// `Unavailable` when one is refused or not taken within half a minute.
    pub async fn produce(&self, topic: &str, records: impl IntoIterator<Item = New>) -> Result<()> {
        let mut config = self.client(Listener::Plain)?;
        config.set("enable.idempotence", "true").set("linger.ms", "5").set("message.timeout.ms", "30000");
        let producer = producer(&config)?;
        let (topic, records): (_, Vec<New>) = (topic.to_owned(), records.into_iter().collect());
        blocking(move || send(&producer, &topic, &records)).await
    }

    /// Writes records in one transaction, which is then committed, or aborted.
    ///
    /// # Errors
    /// As [`Kafka::produce`].
    pub async fn produce_in_transaction(&self, topic: &str, id: &str, records: Vec<New>, commit: bool) -> Result<()> {
        let mut config = self.client(Listener::Plain)?;
        config.set("transactional.id", id).set("linger.ms", "5");
        let producer = producer(&config)?;
        let topic = topic.to_owned();
        blocking(move || {
            let done = |what: &'static str| move |e: KafkaError| failed(what, e);
            producer.init_transactions(PATIENCE).map_err(done("no transactions"))?;
            producer.begin_transaction().map_err(done("no transaction begins"))?;
            send(&producer, &topic, &records)?;
            let ended = if commit { producer.commit_transaction(PATIENCE) } else { producer.abort_transaction(PATIENCE) };
            ended.map_err(done("the transaction does not end"))
        })
        .await
    }

    /// All records that a `read_committed` reader sees now, by partition and offset. It ends before the first transaction
    /// that is still open, as such a reader does.
    ///
    /// # Errors
    /// `Unavailable` when they can't be read within half a minute after the last one.
    pub async fn read(&self, topic: &str) -> Result<Vec<Record>> {
        self.read_as(topic, "read_committed").await
    }

    /// As [`Kafka::read`], with what was aborted and what is still open.
    ///
    /// # Errors
    /// As [`Kafka::read`].
    pub async fn read_uncommitted(&self, topic: &str) -> Result<Vec<Record>> {
        self.read_as(topic, "read_uncommitted").await
    }

    async fn read_as(&self, topic: &str, isolation: &str) -> Result<Vec<Record>> {
        let consumer = self.consumer(&[
            ("group.id", "thyme test reader"),
            ("enable.auto.commit", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "error"),
            ("isolation.level", isolation),
        ])?;
        let topic = topic.to_owned();
        blocking(move || to_the_end(&consumer, &topic)).await
    }
}

/// Keeps the first refusal.
#[derive(Debug, Default)]
struct Refused(Mutex<Option<KafkaError>>);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

fn producer(config: &ClientConfig) -> Result<ThreadedProducer<Refused>> {
    config.create_with_context(Refused::default()).map_err(|e| failed("no producer", e))
}

/// Writes all and waits until they are taken.
fn send(producer: &ThreadedProducer<Refused>, topic: &str, records: &[New]) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for new in records {
        let headers = new
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: value.as_ref() }));
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).headers(headers);
        record.partition = new.partition;
        record.key = new.key.as_deref();
        record.payload = new.value.as_deref();
        record.timestamp = new.timestamp;
        let mut next = Some(record);
        while let Some(record) = next.take() {
            match producer.send(record) {
                Ok(()) => {}
                Err((error, back)) => {
                    let full = error.rdkafka_error_code() == Some(rdkafka::error::RDKafkaErrorCode::QueueFull);
                    if !full || Instant::now() > deadline {
                        return Err(failed("a record is refused", error));
                    }
                    std::thread::sleep(Duration::from_millis(5));
                    next = Some(back);
                }
            }
        }
    }
    producer.flush(PATIENCE).map_err(|e| failed("records are not taken", e))?;
    let refused = producer.context().0.lock().unwrap_or_else(PoisonError::into_inner).take();
    refused.map_or(Ok(()), |error| Err(failed("a record is refused", error)))
}

fn to_the_end(consumer: &BaseConsumer, topic: &str) -> Result<Vec<Record>> {
    let mut list = TopicPartitionList::new();
    let partitions = partitions(consumer, topic)?;
    for (partition, _) in &partitions {
        // By its number: librdkafka asks for a first offset only half a second after it was told to.
        let (low, _) = consumer.fetch_watermarks(topic, *partition, PATIENCE).map_err(|e| failed("no first offset", e))?;
        let added = list.add_partition_offset(topic, *partition, Offset::Offset(low));
        added.map_err(|e| failed("no reader", e))?;
    }
    consumer.assign(&list).map_err(|e| failed("no reader", e))?;
    let mut ended = std::collections::BTreeSet::new();
    let mut records = Vec::new();
    let mut last = Instant::now();
    while ended.len() < partitions.len() {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                records.push(record(&message));
                last = Instant::now();
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            // Lost connections and elections pass; the deadline decides.
            Some(Err(_)) | None if last.elapsed() > PATIENCE => {
                return Err(Error::new(Kind::Unavailable, "the topic can't be read to its end").context("topic", topic));
            }
            Some(Err(_)) | None => {}
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(records)
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message
        .headers()
        .map(|headers| headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect());
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
        timestamp: message.timestamp().to_millis(),
    }
}
