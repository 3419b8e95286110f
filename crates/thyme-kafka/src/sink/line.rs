//! A producer at work: sends, waits, and says why it can't go on.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};
use thyme_core::{Error, Kind, Result};

use super::deliveries::{Deliveries, Failed};
use super::records::Record;
use crate::client::Context;
use crate::error::{from_code, from_kafka};

/// How long is waited at a time for room or for answers.
const PAUSE: Duration = Duration::from_millis(1);

/// A call of librdkafka that may wait is made again and again with this limit, so that a refused log-in and a stop are noticed.
const SLICE: Duration = Duration::from_millis(250);

/// A producer at work. All of this blocks, and is called where that is allowed.
pub(super) struct Line {
    producer: BaseProducer<Deliveries>,
    /// Whoever waits for this has gone.
    stop: Arc<AtomicBool>,
}

/// Why a record was not sent.
pub(super) enum Unsent {
    /// It is too large for the client.
    TooLarge,
    /// Nothing can be sent any more; [`Line::failed`] may know why.
    Broken(KafkaError),
    /// Whoever waits for this has gone.
    Stopped,
}

impl Line {
    /// A producer for the rows of `topic`.
    ///
    /// # Errors
    /// `Config` for a property that librdkafka refuses.
    pub(super) fn new(config: &ClientConfig, context: Context, topic: &str, stop: Arc<AtomicBool>) -> Result<Self> {
        let producer = BaseProducer::from_config_and_context(config, Deliveries::new(context, topic));
        Ok(Self { producer: producer.map_err(|e| from_kafka(e, "make a producer"))?, stop })
    }

    /// Hands a record to the producer; waits while its queue is full.
    #[inline]
    pub(super) fn send(&self, topic: &str, record: Record<'_>) -> Result<(), Unsent> {
        let mut base = BaseRecord::<[u8], [u8]>::to(topic);
        base.key = record.key;
        base.payload = record.value;
        base.partition = record.partition;
        base.headers = record.headers;
        loop {
            match self.producer.send(base) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) => base = back,
                Err((KafkaError::MessageProduction(Code::MessageSizeTooLarge), _)) => return Err(Unsent::TooLarge),
                Err((error, _)) => return Err(Unsent::Broken(error)),
            }
            self.producer.poll(PAUSE);
            if self.stopped() {
                return Err(Unsent::Stopped);
            }
        }
    }

    /// Looks for answers without waiting; false when something failed.
    pub(super) fn well(&self) -> bool {
        self.producer.poll(Duration::ZERO);
        !self.producer.context().any()
    }

    /// Waits until every record is answered; false when something failed.
    ///
    /// # Errors
    /// `Unavailable` after `limit`, or when nobody waits any more.
    pub(super) fn settle(&self, limit: Duration) -> Result<bool> {
        let begun = Instant::now();
        while self.producer.in_flight_count() > 0 {
            if !self.well() {
                return Ok(false);
            }
            if self.stopped() {
                return Err(gone());
            }
            if begun.elapsed() > limit {
                return Err(self.unavailable(limit));
            }
            self.producer.poll(PAUSE);
        }
        Ok(self.well())
    }

    /// Takes the transactional id: older producers of it are fenced, and what they left open is aborted.
    ///
    /// # Errors
    /// `Auth`, `Unavailable` after `limit`, `Config` for a time-out that the broker does not allow.
    pub(super) fn init(&self, limit: Duration) -> Result<()> {
        self.again(limit, "take over the transactions of the task", || self.producer.init_transactions(SLICE))
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// Where the producer is broken.
    pub(super) fn begin(&self) -> Result<(), KafkaError> {
        self.producer.begin_transaction()
    }

    /// Commits; everything must be answered before. The error of librdkafka tells what is left to do.
    ///
    /// # Errors
    /// `Err(Ok(error))` is librdkafka's, `Err(Err(error))` our own: nobody answered in time.
    pub(super) fn commit(&self, limit: Duration) -> Result<(), Result<KafkaError, Error>> {
        let begun = Instant::now();
        loop {
            match self.producer.commit_transaction(SLICE) {
                Ok(()) => return Ok(()),
                Err(error) if !retriable(&error) => return Err(Ok(error)),
                Err(_) if self.stopped() => return Err(Err(gone())),
                Err(_) if begun.elapsed() > limit => return Err(Err(self.unavailable(limit))),
                Err(_) => {}
            }
        }
    }

    /// Gives the open transaction up, as far as that can be said to a broker within `limit`: else it does so itself.
    pub(super) fn abort(&self, limit: Duration) {
        let begun = Instant::now();
        self.producer.purge(PurgeConfig::default().queue().inflight());
        while self.producer.in_flight_count() > 0 && begun.elapsed() < limit {
            self.producer.poll(PAUSE);
        }
        if let Err(error) = self.producer.abort_transaction(limit.saturating_sub(begun.elapsed()).max(PAUSE)) {
            tracing::debug!(%error, "an open transaction is left to the broker's time-out");
        }
    }

    /// What failed so far.
    pub(super) fn failed(&self) -> Failed {
        self.producer.poll(Duration::ZERO);
        self.producer.context().take()
    }

    /// The state that the producer can't leave, if it is in one.
    pub(super) fn fatal(&self) -> Option<(Code, String)> {
        self.producer.client().fatal_error()
    }

    fn unavailable(&self, limit: Duration) -> Error {
        self.producer.context().context().health.unavailable(limit)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Calls `call` until it is done.
    fn again(&self, limit: Duration, what: &str, call: impl Fn() -> Result<(), KafkaError>) -> Result<()> {
        let begun = Instant::now();
        loop {
            let error = match call() {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.producer.poll(Duration::ZERO);
            if !retriable(&error) {
                return Err(from_kafka(error, what));
            }
            if let Some(refusal) = self.producer.context().context().health.refusal() {
                return Err(refusal);
            }
            if self.stopped() {
                return Err(gone());
            }
            if begun.elapsed() > limit {
                let unavailable = self.unavailable(limit);
                return Err(if unavailable.kind() == Kind::Unavailable {
                    from_kafka(error, what).context("waited", thyme_core::duration::show(limit))
                } else {
                    unavailable
                });
            }
        }
    }
}

fn retriable(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_retriable(),
        KafkaError::Flush(code) => *code == Code::OperationTimedOut,
        _ => false,
    }
}

fn gone() -> Error {
    Error::new(Kind::Unavailable, "nobody waits for the commit any more")
}

/// As [`from_code`], for a transaction: whatever happened, it is made anew.
pub(super) fn lost(code: Code, message: &str) -> Error {
    let error = from_code(code, message);
    match error.kind() {
        Kind::Data | Kind::Conflict | Kind::CursorLost => Error::new(Kind::Unavailable, message).source(error),
        _ => error,
    }
}
