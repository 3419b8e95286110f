//! Reads the progress topic: to its end, or until a record that is known to be there.
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use thyme_core::{Error, Kind, Result};

use super::progress::{Gather, Place, Standing};
use crate::client::{Context, part, settings};
use crate::config::Connection;
use crate::error::{from_kafka, kind};

/// The partition that holds everything: which one it is may not depend on what somebody does to the topic.
pub(super) const PARTITION: i32 = 0;

/// How long the open transaction of another task may hold up readers: one that died is aborted by the broker only after its
/// time.
const HELD_UP: Duration = Duration::from_secs(30);

/// The same for those who only look.
const GLANCE: Duration = Duration::from_secs(5);

const TURN: Duration = Duration::from_millis(50);

/// Where the task of `place` stands, once the record by which `owner` took it over has come by: all that was ever committed
/// for the task stands before it.
///
/// # Errors
/// `Conflict` when a later owner has come by; `Unavailable` when nothing comes.
pub(super) fn as_owner(connection: &Connection, topic: &str, place: &Place, owner: &str) -> Result<Standing> {
    let mut gather = Gather::new(place)?;
    let mut met = None;
    let take = |key: &[u8], value: Option<&[u8]>| {
        if gather.take(key, value) {
            met = gather.owner().transpose().filter(|found| !matches!(found, Ok(found) if found != owner));
        }
        met.is_some()
    };
    let ended = Look { connection, topic, end: End::Never, patience: HELD_UP }.read(take)?;
    met.transpose()?;
    if ended {
        return gather.finish();
    }
    let text = "the record by which this process took the task over does not come by: another transaction stands before it";
    Err(Error::new(Kind::Unavailable, text).context("topic", topic).context("task", &place.task))
}

/// Where the task of `place` stands by what is committed now.
///
/// # Errors
/// `Unavailable`, `Auth`, and for records that do not parse.
pub(super) fn by_anybody(connection: &Connection, topic: &str, place: &Place) -> Result<Standing> {
    let mut gather = Gather::new(place)?;
    all(connection, topic, |key, value| {
        gather.take(key, value);
    })?;
    gather.finish()
}

/// Reads all that is committed now.
///
/// # Errors
/// `Auth` as soon as the brokers refuse us, `Unavailable` when they do not answer, `NotFound` without the topic.
pub(super) fn all(connection: &Connection, topic: &str, mut take: impl FnMut(&[u8], Option<&[u8]>)) -> Result<()> {
    let take = |key: &[u8], value: Option<&[u8]>| {
        take(key, value);
        false
    };
    Look { connection, topic, end: End::Now, patience: GLANCE }.read(take).map(drop)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// What is the last record when reading begins.
    Now,
    /// There is none: what is looked for will come.
    Never,
}

/// One reading of the progress topic.
struct Look<'a> {
    connection: &'a Connection,
    topic: &'a str,
    end: End,
    /// How long an open transaction is waited for; what comes after it is left out then.
    patience: Duration,
}

impl Look<'_> {
    /// Reads from the beginning until `take` returns true, which is then returned, or to the end.
    fn read(&self, take: impl FnMut(&[u8], Option<&[u8]>) -> bool) -> Result<bool> {
        let (consumer, context) = consumer(self.connection, "read_committed")?;
        let met = self.follow(&consumer, &context, take);
        // Whoever only looks may be a process that ends next, and none may end while a client is being closed.
        if self.end == End::Never {
            part(consumer);
        }
        met
    }

    fn follow(
        &self,
        consumer: &BaseConsumer<Context>,
        context: &Context,
        mut take: impl FnMut(&[u8], Option<&[u8]>) -> bool,
    ) -> Result<bool> {
        let Self { connection, topic, end, patience } = *self;
        let at = |error: Error| error.context("topic", topic);
        if end == End::Now {
            self.settle(consumer, context)?;
        }
        // By its number: librdkafka asks for a first offset only half a second after it was told to.
        let (first, _) = watermarks(consumer, context, topic, connection.connect_timeout)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, PARTITION, Offset::Offset(first))
            .and_then(|()| consumer.assign(&list))
            .map_err(|e| at(from_kafka(e, "read the progress topic")))?;
        let mut moved = Instant::now();
        loop {
            match consumer.poll(TURN) {
                Some(Ok(message)) => {
                    moved = Instant::now();
                    if take(message.key().unwrap_or_default(), message.payload()) {
                        return Ok(true);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) if end == End::Now => return Ok(false),
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                // Nobody joins the group.
                Some(Err(KafkaError::MessageConsumption(Code::GroupAuthorizationFailed))) => {}
                Some(Err(error)) if passes(&error) => {}
                Some(Err(error)) => return Err(at(from_kafka(error, "read the progress topic"))),
                None => {}
            }
            if let Some(refusal) = context.health.refusal() {
                return Err(refusal);
            }
            if moved.elapsed() > patience {
                return if end == End::Now { Err(at(context.health.unavailable(patience))) } else { Ok(false) };
            }
        }
    }

    /// Waits until nothing that is there now is in an open transaction. The markers of one that was committed follow its commit.
    fn settle(&self, reader: &BaseConsumer<Context>, context: &Context) -> Result<()> {
        let Self { connection, topic, patience, .. } = *self;
        let limit = connection.connect_timeout;
        let (all, said) = consumer(connection, "read_uncommitted")?;
        let (_, last) = watermarks(&all, &said, topic, limit)?;
        let begun = Instant::now();
        while watermarks(reader, context, topic, limit)?.1 < last {
            if begun.elapsed() > patience {
                tracing::warn!(topic, "an open transaction holds up the readers of the progress topic");
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// The first offset, and the one after the last that a reader of this isolation sees.
fn watermarks(client: &BaseConsumer<Context>, context: &Context, topic: &str, limit: Duration) -> Result<(i64, i64)> {
    let begun = Instant::now();
    loop {
        let error = match client.fetch_watermarks(topic, PARTITION, Duration::from_secs(1)) {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let _ = client.poll(Duration::ZERO);
        if let Some(refusal) = context.health.refusal() {
            return Err(refusal);
        }
        let error = from_kafka(error, "look for the ends of the progress topic").context("topic", topic);
        if error.kind() != Kind::Unavailable || begun.elapsed() > limit {
            return Err(error);
        }
    }
}

fn consumer(connection: &Connection, isolation: &str) -> Result<(BaseConsumer<Context>, Context)> {
    let context = Context::new(connection);
    let mut config = settings(connection)?;
    // A name that nobody joins: librdkafka reads nothing without one.
    config.set("group.id", "thyme-progress").set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    config.set("isolation.level", isolation).set("enable.partition.eof", "true").set("auto.offset.reset", "earliest");
    config.set("fetch.wait.max.ms", "50").set("queued.max.messages.kbytes", "8192");
    let consumer = BaseConsumer::from_config_and_context(&config, context.clone());
    Ok((consumer.map_err(|e| from_kafka(e, "make a consumer"))?, context))
}

/// What librdkafka gets over by itself.
fn passes(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| kind(code) == Kind::Unavailable)
}
