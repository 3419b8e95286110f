//! The group: who shall read what, and what is heard beside the records.
use std::sync::{Mutex, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;
use thyme_core::{Error, Kind, Result};
use tokio::sync::mpsc::UnboundedSender;

use crate::client::{Context, Partition};
use crate::error;

/// What the group says.
#[derive(Debug)]
pub(super) enum Event {
    /// These partitions are ours, beside those before.
    Assigned(Vec<Partition>),
    /// These shall be handed over.
    Revoked(Vec<Partition>),
    /// All are gone to others: no sign of life from here reached the brokers in time.
    Lost,
    /// The consumer can't go on.
    Failed(Error),
}

/// A member of a group, as librdkafka calls it back.
///
/// It is a member and nothing else: what the group assigns is fetched by another client. A client that does both pauses what it
/// fetches whenever the group changes, and goes on from where it believes its user to be, which is wrong at the end of a partition.
///
/// An assignment is agreed to at once, and a revocation when its readers have ended and their rows are durable.
pub(super) struct Member {
    base: Context,
    shared: bool,
    tell: UnboundedSender<Event>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// A revocation was not agreed to yet.
    asked: bool,
    /// Nothing is kept: every revocation is agreed to.
    leaving: bool,
}

impl Member {
    pub(super) fn new(base: Context, shared: bool, tell: UnboundedSender<Event>) -> Self {
        Self { base, shared, tell, held: Mutex::default() }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error beside the records.
    pub(super) fn heard(tell: &UnboundedSender<Event>, failed: KafkaError) {
        let error = error::from_kafka(failed, "read from the brokers");
        // Whether a refusal is one for good, `Health` knows, which hears of it as well.
        if matches!(error.kind(), Kind::Unavailable | Kind::Unexpected | Kind::RateLimited | Kind::Auth) {
            tracing::debug!(%error, "librdkafka goes on");
            return;
        }
        let _ = tell.send(Event::Failed(error));
    }

    /// Agrees to the revocation that is under way, if there is one.
    pub(super) fn hand_over(&self, consumer: &BaseConsumer<Self>) -> Result<()> {
        if !std::mem::take(&mut self.held().asked) {
            return Ok(());
        }
        agree(consumer).map_err(|e| error::from_kafka(e, "hand partitions over"))
    }

    /// Agrees to whatever is asked from now on: what is to be done before a consumer is dropped.
    pub(super) fn leave(&self, consumer: &BaseConsumer<Self>) {
        self.held().leaving = true;
        if let Err(error) = self.hand_over(consumer) {
            tracing::debug!(%error, "leaving the group");
        }
    }

    fn on_rebalance(&self, consumer: &BaseConsumer<Self>, assigned: bool, these: Vec<Partition>) -> Result<(), KafkaError> {
        if assigned {
            consumer.incremental_assign(&TopicPartitionList::new())?;
            let _ = self.tell.send(Event::Assigned(these));
            return Ok(());
        }
        let lost = consumer.assignment_lost();
        let waits = {
            let mut held = self.held();
            held.asked = self.shared && !lost && !held.leaving;
            held.asked
        };
        let _ = self.tell.send(if lost { Event::Lost } else { Event::Revoked(these) });
        if waits { Ok(()) } else { agree(consumer) }
    }
}

/// To a revocation, as a member that fetches nothing itself.
fn agree(consumer: &BaseConsumer<Member>) -> Result<(), KafkaError> {
    consumer.incremental_unassign(&TopicPartitionList::new())
}

impl ClientContext for Member {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.base.log(level, facility, text);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.base.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.base.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.base.generate_oauth_token(config)
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, these: &mut TopicPartitionList) {
        let these: Vec<_> = these.elements().iter().map(|one| (one.topic().to_owned(), one.partition())).collect();
        let assigned = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        tracing::debug!(assigned, ?these, "the group's partitions change");
        if let Err(error) = self.on_rebalance(consumer, assigned, these) {
            let _ = self.tell.send(Event::Failed(error::from_kafka(error, "agree with the group")));
        }
    }

    fn commit_callback(&self, result: Result<(), KafkaError>, _: &TopicPartitionList) {
        match result {
            Ok(()) => {}
            Err(error) if error.rdkafka_error_code() == Some(Code::NoOffset) => {}
            // The cursor has them: this is for tools that watch the lag.
            Err(error) => tracing::debug!(%error, "the group did not take the positions"),
        }
    }
}
