//! The topics that are written: found, or made.
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode as Code;
use thyme_core::{Error, Kind, Result, ResultExt};

use super::records::Limits;
use crate::client::{Client, Context, admin};
use crate::config::{Compression, Connection, CreateTopic, KafkaSinkConfig};
use crate::error::{from_code, from_kafka};

/// What a broker takes unless said otherwise.
const USUAL: usize = 1_048_588;

/// How long a new topic may take to be known to the brokers.
const SETTLE: Duration = Duration::from_secs(15);

/// Settings of the progress topic: few bytes are left uncompacted, so that it is read in no time.
const PROGRESS: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("segment.bytes", "8388608"),
    ("segment.ms", "3600000"),
    ("min.cleanable.dirty.ratio", "0.1"),
];

/// The topic of the rows, made where the configuration says so; returns how many partitions it has.
///
/// # Errors
/// `NotFound` for a topic that is not there and not to be created, `Auth` where it may not be made or seen.
pub(super) async fn find_or_create(client: &Client, config: &KafkaSinkConfig, connection: &Connection) -> Result<usize> {
    match (client.partitions(&config.topic).await, &config.create_topic) {
        (Err(error), Some(wanted)) if error.kind() == Kind::NotFound => create(client, connection, &config.topic, wanted).await,
        (found, _) => found.map(|found| found.len()).map_err(|error| missing(error, &config.topic)),
    }
}

/// What the topic takes, and that the `progress` topic keeps what it is given, as far as we may ask.
///
/// # Errors
/// `Config` for a progress topic that is not compacted, `Unavailable` where nobody answers.
pub(super) async fn limits(
    admin: &AdminClient<Context>,
    config: &KafkaSinkConfig,
    connection: &Connection,
    partitions: usize,
    progress: Option<&str>,
) -> Result<Limits> {
    let topic = &config.topic;
    let mut limits = Limits {
        topic: topic.clone(),
        partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
        largest: USUAL,
        compacted: false,
    };
    let resources: Vec<_> = std::iter::once(&**topic).chain(progress).map(ResourceSpecifier::Topic).collect();
    let described = admin.describe_configs(&resources, &options(connection)).await;
    for described in described.map_err(|e| from_kafka(e, "ask what the topic takes").context("topic", topic))? {
        // Writing takes no right to ask.
        let Ok(found) = described else { continue };
        let value = |name: &str| found.get(name).and_then(|entry| entry.value.as_deref());
        let policy = value("cleanup.policy").unwrap_or_default();
        if found.specifier == OwnedResourceSpecifier::Topic(topic.clone()) {
            limits.largest = value("max.message.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(USUAL);
            limits.compacted = policy.split(',').any(|policy| policy.trim() == "compact");
        } else if policy != "compact" {
            let text = "the progress topic is not compacted, so that the broker would drop cursors: set its `cleanup.policy` to `compact`";
            return Err(Error::new(Kind::Config, text).context("topic", progress.unwrap_or_default()).context("policy", policy));
        }
    }
    // A batch is measured compressed; the user may know that it shrinks.
    let own = connection.properties.get("message.max.bytes").and_then(|bytes| bytes.parse().ok());
    limits.largest = match own {
        Some(own) if config.compression_type == Compression::None => limits.largest.min(own),
        Some(own) => own,
        None => limits.largest,
    };
    Ok(limits)
}

/// The progress topic, made where it is not there.
///
/// # Errors
/// `Auth` where it may not be made or seen.
pub(super) async fn progress(client: &Client, connection: &Connection, topic: &str) -> Result<()> {
    match client.partitions(topic).await {
        Err(error) if error.kind() == Kind::NotFound => create(client, connection, topic, &progress_settings()).await.map(drop),
        found => found.map(drop),
    }
}

/// Whether the brokers would make the topic: they are asked, and make nothing.
///
/// # Errors
/// `Auth` where it may not be made, `Config` for settings that the brokers refuse.
pub(super) async fn may_create(connection: &Connection, topic: &str, wanted: &CreateTopic) -> Result<()> {
    ask(connection, topic, wanted, &options(connection).validate_only(true)).await
}

/// As [`may_create`], of the progress topic.
///
/// # Errors
/// As [`may_create`].
pub(super) async fn may_create_progress(connection: &Connection, topic: &str) -> Result<()> {
    may_create(connection, topic, &progress_settings()).await
}

fn progress_settings() -> CreateTopic {
    let config = PROGRESS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    CreateTopic { partitions: Some(1), replication_factor: None, config }
}

/// The error of a topic that is not there, with what can be done.
pub(super) fn missing(error: Error, topic: &str) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    Error::new(Kind::NotFound, format!("there is no topic {topic}: create it, or set `create_topic`"))
}

/// Makes a topic, unless another was faster, and waits until the brokers know it; returns how many partitions it has.
async fn create(client: &Client, connection: &Connection, topic: &str, wanted: &CreateTopic) -> Result<usize> {
    ask(connection, topic, wanted, &options(connection)).await?;
    let begun = std::time::Instant::now();
    loop {
        match client.partitions(topic).await {
            Err(error) if begun.elapsed() < SETTLE && matches!(error.kind(), Kind::NotFound | Kind::Unavailable) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            found => return found.map(|found| found.len()).context("created", || topic.to_owned()),
        }
    }
}

/// Asks for a topic.
async fn ask(connection: &Connection, topic: &str, wanted: &CreateTopic, options: &AdminOptions) -> Result<()> {
    let CreateTopic { partitions, replication_factor, config } = wanted;
    let replication = TopicReplication::Fixed(replication_factor.unwrap_or(-1));
    let mut new = NewTopic::new(topic, partitions.unwrap_or(-1), replication);
    for (name, value) in config {
        new = new.set(name, value);
    }
    let asked = admin(connection)?.create_topics([&new], options).await;
    let asked = asked.map_err(|e| from_kafka(e, "create the topic").context("topic", topic))?;
    match asked.into_iter().next() {
        Some(Err((name, code))) if code != Code::TopicAlreadyExists => {
            Err(from_code(code, "cannot create the topic").context("topic", name))
        }
        _ => Ok(()),
    }
}

fn options(connection: &Connection) -> AdminOptions {
    let limit = connection.connect_timeout;
    AdminOptions::new().request_timeout(Some(limit)).operation_timeout(Some(limit))
}
