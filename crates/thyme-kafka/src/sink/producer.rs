//! A producer's settings.
use std::time::Duration;

use rdkafka::ClientConfig;
use thyme_core::{Error, Kind, Result, Task};

use super::records::Limits;
use crate::client::settings;
use crate::config::{Acks, Compression, Connection, Delivery, KafkaSinkConfig, Mode};

/// How long a transaction may stay open unless said otherwise.
const TRANSACTION: Duration = Duration::from_secs(60);

/// How long a record may take to be delivered without a transaction.
const DELIVERY: Duration = Duration::from_secs(120);

/// What a record costs in the client's queue beside its bytes.
const OVERHEAD: usize = 256;

/// The least that a queue holds.
const LEAST: usize = 1 << 20;

/// What librdkafka sends at a time at most, unless told to send more.
const REQUEST: usize = 1_000_000;

/// What librdkafka sends at a time at the very most.
const MOST: usize = 1_000_000_000;

/// How long a transaction may stay open.
pub(super) fn transaction_timeout(config: &KafkaSinkConfig) -> Duration {
    config.transaction_timeout.unwrap_or(TRANSACTION)
}

/// How long a record may take before it counts as lost.
pub(super) fn delivery_timeout(config: &KafkaSinkConfig) -> Duration {
    match config.delivery {
        Delivery::ExactlyOnce => transaction_timeout(config),
        Delivery::AtLeastOnce => DELIVERY,
    }
}

/// The name under which the task's transactions are fenced: the same for every process that runs it.
pub(super) fn transactional_id(config: &KafkaSinkConfig, task: &Task) -> String {
    match &config.transactional_id {
        Some(given) => format!("{given}/{}", task.task),
        None => format!("thyme/{}/{}/{}", config.topic, task.pipeline, task.task),
    }
}

/// The settings of the producer of `task`, which may hold `buffer` bytes.
///
/// # Errors
/// `Config` for secrets that are not there, and for choices that contradict each other.
pub(super) fn producer(
    config: &KafkaSinkConfig,
    connection: &Connection,
    task: &Task,
    limits: &Limits,
    buffer: usize,
) -> Result<ClientConfig> {
    let mut set = settings(connection)?;
    let usual =
        [("partitioner", "murmur2_random".to_owned()), ("message.max.bytes", limits.largest.clamp(REQUEST, MOST).to_string())];
    for (name, value) in usual {
        if !connection.properties.contains_key(name) {
            set.set(name, value);
        }
    }
    match config.delivery {
        Delivery::ExactlyOnce => {
            let id = transactional_id(config, task);
            let id =
                if thyme_core::testing::broken("no_fence") { format!("{id} {:?}", std::time::SystemTime::now()) } else { id };
            set.set("transactional.id", id);
            set.set("transaction.timeout.ms", transaction_timeout(config).as_millis().to_string());
        }
        Delivery::AtLeastOnce => {
            set.set("enable.idempotence", (config.acks == Acks::All).to_string());
            if !connection.properties.contains_key("message.timeout.ms") {
                set.set("message.timeout.ms", DELIVERY.as_millis().to_string());
            }
        }
    }
    set.set("acks", acks(config)?);
    if let Some(retries) = config.retries {
        set.set("message.send.max.retries", retries.to_string());
    }
    set.set("linger.ms", config.linger_ms.to_string());
    // A batch that is larger than what the topic takes would be refused whole.
    let largest = limits.largest.saturating_sub(super::records::FRAME).max(1);
    set.set("batch.size", config.batch_size.min(largest).to_string());
    set.set("compression.type", compression(config.compression_type));
    // Who asks for each record by itself pays for each record: what is not reported has arrived.
    set.set("delivery.report.only.error", "true");
    // A record that the queue has no room for, however empty it is, would wait for ever.
    let held = (buffer / 2).max(LEAST).max(limits.largest.min(MOST) * 2);
    set.set("queue.buffering.max.kbytes", (held >> 10).to_string());
    set.set("queue.buffering.max.messages", (held / OVERHEAD).to_string());
    Ok(set)
}

fn acks(config: &KafkaSinkConfig) -> Result<&'static str> {
    match (config.acks, config.delivery) {
        (Acks::All, _) => Ok("all"),
        (Acks::One, Delivery::AtLeastOnce) => Ok("1"),
        (Acks::Zero, Delivery::AtLeastOnce) => {
            let text = "`acks = \"0\"` loses rows unnoticed, which is not at least once: set `all` or `1`";
            Err(Error::new(Kind::Config, text))
        }
        (Acks::One | Acks::Zero, Delivery::ExactlyOnce) => {
            let text =
                "`delivery = \"exactly_once\"` needs `acks = \"all\"`: leave `acks` out, or set `delivery` to `at_least_once`";
            Err(Error::new(Kind::Config, text))
        }
    }
}

fn compression(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Snappy => "snappy",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
    }
}

/// Says what is wrong with the choices about modes and delivery.
///
/// # Errors
/// `Config`.
pub(super) fn validate(config: &KafkaSinkConfig) -> Result<()> {
    acks(config)?;
    let refused = match config.mode {
        Mode::Append => None,
        Mode::Upsert => {
            Some("`mode = \"upsert\"` has another name here, for a topic keeps every record: set `encoding` to `upsert`")
        }
        Mode::Overwrite => {
            Some("a topic is a log, and what is in it can't be replaced: leave `mode` out, and write into a new topic instead")
        }
        Mode::ErrorIfExists => Some("a topic is a log that others may write to as well: leave `mode` out"),
    };
    if let Some(text) = refused {
        return Err(Error::new(Kind::Config, text));
    }
    if transaction_timeout(config) < Duration::from_secs(1) {
        return Err(Error::new(Kind::Config, "`transaction_timeout` is at least a second"));
    }
    Ok(())
}
