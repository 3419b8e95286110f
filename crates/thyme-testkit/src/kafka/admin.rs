//! Topics, and what the tests do to them.
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use thyme_core::{Error, Kind, Result};

use super::listener::failed;
use super::{Kafka, Listener};

/// No answer takes that long.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a partition begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// The first offset that is still there.
    pub low: i64,
    /// The offset that the next record gets. The markers of transactions take offsets too.
    pub high: i64,
}

impl Kafka {
    /// Creates a topic and waits until all its partitions have leaders.
    ///
    /// # Errors
    /// `Unavailable` with what the broker says.
    pub async fn create_topic(&self, name: &str, partitions: i32, config: &[(&str, &str)]) -> Result<()> {
        let replicas = if self.nodes() >= 3 { 3 } else { 1 };
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        let topic = config.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let done = self.admin()?.create_topics([&topic], &options()).await;
        first("the topic can't be created", done)?;
        self.wait_for_leaders(name, partitions).await
    }

    /// Gives a topic more partitions, and waits until all have leaders.
    ///
    /// # Errors
    /// As [`Kafka::create_topic`].
    pub async fn add_partitions(&self, topic: &str, total: usize) -> Result<()> {
        let done = self.admin()?.create_partitions([&NewPartitions::new(topic, total)], &options()).await;
        first("partitions can't be added", done)?;
        self.wait_for_leaders(topic, i32::try_from(total).unwrap_or(i32::MAX)).await
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// As [`Kafka::create_topic`].
    pub async fn delete_topic(&self, topic: &str) -> Result<()> {
        first("the topic can't be deleted", self.admin()?.delete_topics(&[topic], &options()).await)
    }

    /// Replaces the configuration of a topic.
    ///
    /// # Errors
    /// As [`Kafka::create_topic`].
    pub async fn configure_topic(&self, topic: &str, config: &[(&str, &str)]) -> Result<()> {
        let alter = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let alter = config.iter().fold(alter, |alter, (key, value)| alter.set(key, value));
        let done = self.admin()?.alter_configs([&alter], &options()).await;
        let done =
            done.map(|all| all.into_iter().map(|one| one.map(|_| String::new()).map_err(|(_, code)| (String::new(), code))));
        first("the topic can't be configured", done.map(Iterator::collect))
    }

    /// Deletes all records of a partition before an offset, as retention does.
    ///
    /// # Errors
    /// As [`Kafka::create_topic`].
    pub async fn delete_records(&self, topic: &str, partition: i32, before: i64) -> Result<()> {
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(topic, partition, Offset::Offset(before));
        added.map_err(|e| failed("records can't be deleted", e))?;
        let done = self.admin()?.delete_records(&list, &options()).await;
        let done = done.map_err(|e| failed("records can't be deleted", e))?;
        done.elements().iter().try_for_each(|one| one.error().map_err(|e| failed("records can't be deleted", e)))
    }

    /// Begin and end of each partition of a topic.
    ///
    /// # Errors
    /// `Unavailable` when a broker does not answer.
    pub async fn offsets(&self, topic: &str) -> Result<Vec<Offsets>> {
        let (client, topic) = (self.consumer(&[])?, topic.to_owned());
        blocking(move || {
            let partitions = partitions(&client, &topic)?;
            let offsets = partitions.into_iter().map(|(partition, _)| {
                let marks = client.fetch_watermarks(&topic, partition, PATIENCE);
                marks.map(|(low, high)| Offsets { low, high }).map_err(|e| failed("no offsets", e))
            });
            offsets.collect()
        })
        .await
    }

    /// What a group has committed for each partition of a topic; `None` where it has nothing.
    ///
    /// # Errors
    /// `Unavailable` when the coordinator does not answer.
    pub async fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<i64>>> {
        let (client, topic) = (self.consumer(&[("group.id", group)])?, topic.to_owned());
        blocking(move || {
            let mut list = TopicPartitionList::new();
            for (partition, _) in partitions(&client, &topic)? {
                list.add_partition(&topic, partition);
            }
            let committed = client.committed_offsets(list, PATIENCE).map_err(|e| failed("no committed offsets", e))?;
            let offsets = committed.elements().into_iter().map(|one| match one.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            });
            Ok(offsets.collect())
        })
        .await
    }

    /// The broker that leads a partition.
    ///
    /// # Errors
    /// `Unavailable` when there is none.
    pub async fn leader(&self, topic: &str, partition: i32) -> Result<usize> {
        let (client, topic) = (self.consumer(&[])?, topic.to_owned());
        let found = blocking(move || partitions(&client, &topic)).await?;
        let leader = found.into_iter().find(|(id, _)| *id == partition).and_then(|(_, leader)| usize::try_from(leader).ok());
        leader.ok_or_else(|| Error::new(Kind::Unavailable, "the partition has no leader"))
    }

    /// The broker that coordinates a group, or with `__transaction_state` for `topic` a transactional id.
    ///
    /// # Errors
    /// `Unavailable` when there is none.
    pub async fn coordinator(&self, topic: &str, name: &str) -> Result<usize> {
        let partitions = i32::try_from(self.offsets(topic).await?.len()).unwrap_or(i32::MAX).max(1);
        // As Java hashes a string.
        let hash = name.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        self.leader(topic, (hash & i32::MAX) % partitions).await
    }

    pub(super) fn consumer(&self, settings: &[(&str, &str)]) -> Result<BaseConsumer> {
        let mut config = self.client(Listener::Plain)?;
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config.create().map_err(|e| failed("no client", e))
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        self.client(Listener::Plain)?.create().map_err(|e| failed("no client", e))
    }

    async fn wait_for_leaders(&self, topic: &str, partitions: i32) -> Result<()> {
        let (client, topic) = (self.consumer(&[])?, topic.to_owned());
        blocking(move || {
            let deadline = std::time::Instant::now() + PATIENCE;
            loop {
                let found = self::partitions(&client, &topic).unwrap_or_default();
                if found.iter().filter(|(_, leader)| *leader > 0).count() >= usize::try_from(partitions).unwrap_or_default() {
                    return Ok(());
                }
                if std::time::Instant::now() > deadline {
                    return Err(Error::new(Kind::Unavailable, "the topic has no leaders").context("topic", topic));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        })
        .await
    }
}

/// Partitions and their leaders; -1 where there is none.
pub(super) fn partitions(client: &BaseConsumer, topic: &str) -> Result<Vec<(i32, i32)>> {
    let metadata = client.fetch_metadata(Some(topic), PATIENCE).map_err(|e| failed("no metadata", e))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    let found = found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such topic").context("topic", topic))?;
    let mut partitions: Vec<_> = found.partitions().iter().map(|partition| (partition.id(), partition.leader())).collect();
    partitions.sort_unstable();
    Ok(partitions)
}

/// Off the threads of the runtime.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::new(Kind::Unexpected, "a client broke off").source(e))?
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE))
}

type Answers = std::result::Result<Vec<std::result::Result<String, (String, RDKafkaErrorCode)>>, KafkaError>;

/// The first error of an answer.
fn first(what: &str, answers: Answers) -> Result<()> {
    for answer in answers.map_err(|e| failed(what, e))? {
        if let Err((name, code)) = answer {
            return Err(Error::new(Kind::Unavailable, what).context("name", name).context("broker says", code));
        }
    }
    Ok(())
}
