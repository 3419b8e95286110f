//! What the brokers said about records: only what went wrong is reported at all.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::statistics::Statistics;

use super::refused::{Print, print};
use crate::client::Context;

/// More refusals of one transaction than this are not gathered.
const MOST: usize = 20_000;

/// Gathers failed deliveries of a producer.
#[derive(Debug)]
pub(super) struct Deliveries {
    context: Context,
    /// The topic of the rows: what is refused elsewhere is no row's fault.
    topic: String,
    any: AtomicBool,
    failed: Mutex<Failed>,
}

/// Why records did not arrive.
#[derive(Debug, Default)]
pub(super) struct Failed {
    /// Records that the broker does not take, with why.
    pub(super) refused: Vec<(Print, String)>,
    /// The broker told which of those that were sent together it meant.
    pub(super) certain: bool,
    /// The first other reason.
    pub(super) other: Option<Code>,
}

impl Deliveries {
    pub(super) fn new(context: Context, topic: &str) -> Self {
        Self { context, topic: topic.to_owned(), any: AtomicBool::new(false), failed: Mutex::default() }
    }

    /// Whether anything failed.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// What failed.
    pub(super) fn take(&self) -> Failed {
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut *self.failed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, message)) = result else { return };
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match code {
            // Ours: the transaction is being given up.
            Code::PurgeQueue | Code::PurgeInflight => return,
            Code::InvalidDifferentRecord => failed.certain = true,
            Code::MessageSizeTooLarge | Code::InvalidRecord | Code::InvalidMessageSize | Code::InvalidTimestamp
                if message.topic() == self.topic =>
            {
                if failed.refused.len() < MOST {
                    let reason = format!("the broker refuses the record: {code}");
                    failed.refused.push((print(message.key(), message.payload()), reason));
                }
            }
            _ => {
                failed.other.get_or_insert(code);
            }
        }
        self.any.store(true, Ordering::Release);
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.context.log(level, facility, text);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        self.context.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.context.generate_oauth_token(config)
    }
}
