//! The group: who shall read what, and what is heard beside the records.
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use thyme_core::{Error, Kind, Result};
use tokio::sync::mpsc::UnboundedSender;

use crate::client::{Context, Partition, list};
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
/// Which partitions are fetched is ours to say, apart from what the group assigned: an assignment is agreed to at once without
/// fetching anything, and a revocation is agreed to when its readers have ended and their rows are durable.
pub(super) struct Member {
    base: Context,
    shared: bool,
    tell: UnboundedSender<Event>,
    held: Mutex<Held>,
}

/// What is fetched, and what is to be handed over.
#[derive(Debug, Default)]
struct Held {
    fetched: BTreeSet<Partition>,
    /// A revocation that was not agreed to yet.
    asked: Option<BTreeSet<Partition>>,
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
        if matches!(error.kind(), Kind::Unavailable | Kind::Unexpected | Kind::RateLimited) {
            tracing::debug!(%error, "librdkafka goes on");
            return;
        }
        let _ = tell.send(Event::Failed(error));
    }

    /// Fetches a partition from `offset` on.
    pub(super) fn fetch(&self, consumer: &BaseConsumer<Self>, at: &Partition, offset: i64) -> Result<()> {
        let add = || consumer.incremental_assign(&list(std::slice::from_ref(at), Offset::Offset(offset))?);
        add().map_err(|e| error::from_kafka(e, "fetch a partition"))?;
        self.held().fetched.insert(at.clone());
        Ok(())
    }

    /// Agrees to the revocation that is under way, if there is one.
    pub(super) fn hand_over(&self, consumer: &BaseConsumer<Self>) -> Result<()> {
        let Some(asked) = self.held().asked.take() else { return Ok(()) };
        self.drop_all(consumer, &asked).map_err(|e| error::from_kafka(e, "hand partitions over"))
    }

    /// Lets go of everything: what is to be done before a consumer is dropped.
    pub(super) fn leave(&self, consumer: &BaseConsumer<Self>) {
        let all = {
            let mut held = self.held();
            held.leaving = true;
            held.asked = None;
            held.fetched.clone()
        };
        if let Err(error) = self.drop_all(consumer, &all) {
            tracing::debug!(%error, "leaving the group");
        }
    }

    /// Agrees to a revocation: of what is asked for only what is fetched can be given up.
    fn drop_all(&self, consumer: &BaseConsumer<Self>, asked: &BTreeSet<Partition>) -> Result<(), KafkaError> {
        let fetched: Vec<_> = {
            let mut held = self.held();
            let fetched = asked.iter().filter(|at| held.fetched.contains(*at)).cloned().collect();
            held.fetched.retain(|at| !asked.contains(at));
            fetched
        };
        consumer.incremental_unassign(&list(&fetched, Offset::Invalid)?)
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
            let waits = self.shared && !lost && !held.leaving;
            held.asked = waits.then(|| these.iter().cloned().collect());
            waits
        };
        let _ = self.tell.send(if lost { Event::Lost } else { Event::Revoked(these) });
        if waits {
            return Ok(());
        }
        // One that reads alone keeps reading: what it was assigned is a mere sign that nobody else does.
        let all = if self.shared || self.held().leaving { self.held().fetched.clone() } else { BTreeSet::new() };
        self.drop_all(consumer, &all)
    }
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
