//! What librdkafka calls back.
use std::error::Error as StdError;
use std::sync::Arc;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;

use super::{Health, Tokens};

/// Collects errors and log lines, and fetches tokens. A context with callbacks of its own holds one and passes these on.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) health: Arc<Health>,
    tokens: Option<Arc<Tokens>>,
}

impl Context {
    /// Of a client of the brokers of `connection`.
    pub(crate) fn new(connection: &crate::Connection) -> Self {
        let health = Health::new(connection.identity(), connection.security_protocol.tls());
        Self { health: Arc::new(health), tokens: Tokens::of(connection).map(Arc::new) }
    }

    /// A token now, where the log-in takes one.
    pub(crate) fn token(&self) -> Option<thyme_core::Result<OAuthToken>> {
        self.tokens.as_ref().map(|tokens| tokens.fetch())
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.health.log(level, facility, text);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        tracing::trace!(target: "librdkafka", statistics = %String::from_utf8_lossy(statistics));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.health.error(&error, reason);
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn StdError>> {
        match self.token() {
            Some(token) => token.map_err(|e| {
                self.health.no_token(&e);
                e.to_string().replace('\0', " ").into()
            }),
            None => Err("the connection has no tokens".into()),
        }
    }
}

impl ConsumerContext for Context {}
