//! What librdkafka mentions beside its calls: they would go on for ever where a log-in is refused.
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use thyme_core::{Error, Kind, Retry};
use tokio::sync::watch;

use crate::error;

/// Errors that a client was told about, with the first that no patience mends.
#[derive(Debug)]
pub(crate) struct Health {
    place: String,
    tls: bool,
    said: Mutex<Said>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Said {
    /// A refusal, or a fatal state of the client, and when it was first heard.
    refused: Option<(Code, String, Instant)>,
    /// When it was last heard.
    again: Option<Instant>,
    /// A broker answered before: one that restarts may refuse for a moment what it does not know yet.
    known: bool,
    /// The last broken line.
    broken: Option<(Code, String)>,
    /// How often a line broke since a broker last answered.
    breaks: u32,
}

/// How long a refusal lasts until it counts, from brokers that took us before.
const STAYS: Duration = Duration::from_secs(20);

impl Said {
    fn refuse(&mut self, code: Code, reason: String) {
        let now = Instant::now();
        self.refused.get_or_insert((code, reason, now));
        self.again = Some(now);
    }
}

/// How many lines may break, one after another and before any broker answered, until a TLS server that hangs up counts as one that
/// refuses the client's certificate.
const HANG_UPS: u32 = 3;

impl Health {
    /// Of a client of `place` (`kafka://broker:9092`).
    pub(crate) fn new(place: impl Into<String>, tls: bool) -> Self {
        Self { place: place.into(), tls, said: Mutex::default(), changed: watch::Sender::new(0) }
    }

    /// An error that came by the error callback.
    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let reason = error::one_line(reason);
        tracing::debug!(target: "librdkafka", ?code, %reason, "error");
        {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            match code {
                Code::Fatal | Code::Fenced | Code::FencedInstanceId | Code::UnreleasedInstanceId | Code::ProducerFenced => {
                    said.refuse(code, reason);
                }
                // An issuer that does not answer is not one that refuses: see `Health::no_token`.
                Code::Authentication if reason.contains("Failed to acquire") => {}
                _ if error::kind(code) == Kind::Auth => {
                    said.refuse(code, reason);
                }
                Code::AllBrokersDown => {}
                _ => {
                    said.breaks += 1;
                    // A client's certificate is sent when the line is up: what its refusal breaks looks like any broken line.
                    let certificate = self.tls && speaks_of_a_certificate(&reason);
                    let hung_up = self.tls && hung_up(&reason) && said.breaks >= HANG_UPS;
                    if certificate || hung_up {
                        said.refuse(Code::SSL, reason.clone());
                    }
                    said.broken = Some((code, reason));
                }
            }
        }
        self.changed.send_modify(|version| *version += 1);
    }

    /// No token to log in with.
    pub(crate) fn no_token(&self, error: &Error) {
        {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if error.retry_advice() == Retry::No {
                said.refuse(Code::Authentication, error.to_string());
            } else {
                said.broken = Some((Code::BrokerTransportFailure, error.to_string()));
            }
        }
        self.changed.send_modify(|version| *version += 1);
    }

    /// A log line of librdkafka.
    pub(crate) fn log(&self, level: Level, facility: &str, text: &str) {
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
                tracing::warn!(target: "librdkafka", facility, "{text}");
            }
            Level::Warning | Level::Notice => tracing::info!(target: "librdkafka", facility, "{text}"),
            Level::Info | Level::Debug => tracing::debug!(target: "librdkafka", facility, "{text}"),
        }
    }

    /// A broker answered: what broke before it is past.
    pub(crate) fn answered(&self) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        (said.broken, said.breaks, said.known) = (None, 0, true);
        said.refused.take_if(|(code, ..)| error::kind(*code) == Kind::Auth);
    }

    /// The refusal, if there was one: `Auth`, or `Conflict` for a client that was fenced.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (code, reason, first) = said.refused.as_ref()?;
        let stays = said.again.is_some_and(|again| again.duration_since(*first) >= STAYS);
        if said.known && error::kind(*code) == Kind::Auth && !stays {
            return None;
        }
        let message = match error::kind(*code) {
            Kind::Auth => "the brokers refuse who we are, or are not who they should be",
            Kind::Conflict => "another process took the place of this one",
            _ => "the client can't go on",
        };
        Some(error::from_code(*code, message).context("brokers", &self.place).context("said", reason))
    }

    /// Why nothing answered within `limit`.
    pub(crate) fn unavailable(&self, limit: Duration) -> Error {
        if let Some(refusal) = self.refusal() {
            return refusal;
        }
        let limit = thyme_core::duration::show(limit);
        let error = Error::new(Kind::Unavailable, format!("no broker answered within {limit}")).context("brokers", &self.place);
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match &said.broken {
            Some((_, reason)) => error.context("said", reason),
            None => error,
        }
    }

    /// Waits for a refusal.
    pub(crate) async fn refused(&self) -> Error {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(error) = self.refusal() {
                return error;
            }
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// What OpenSSL says about an alert that a broker sends when it does not like the client's certificate, or the lack of one.
fn speaks_of_a_certificate(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("alert") && (reason.contains("certificate") || reason.contains("unknown ca") || reason.contains("handshake"))
}

/// The broker closed a line that had just come up.
fn hung_up(reason: &str) -> bool {
    reason.contains("Disconnected") || reason.contains("Connection reset") || reason.contains("closed by peer")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(code: rdkafka::types::RDKafkaRespErr) -> KafkaError {
        KafkaError::Global(code.into())
    }

    #[test]
    fn a_refusal_is_told_from_a_broken_line() {
        use rdkafka::types::RDKafkaRespErr::*;
        let health = Health::new("kafka://a:1", false);
        health.error(
            &global(RD_KAFKA_RESP_ERR__TRANSPORT),
            "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused",
        );
        assert!(health.refusal().is_none());
        let error = health.unavailable(Duration::from_secs(1));
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("Connection refused"), "{error}");
        health.error(&global(RD_KAFKA_RESP_ERR__AUTHENTICATION), "sasl: Authentication failed");
        assert_eq!(health.refusal().unwrap().kind(), Kind::Auth);
        assert_eq!(health.unavailable(Duration::from_secs(1)).kind(), Kind::Auth);
    }

    #[test]
    fn a_refused_certificate_comes_as_a_broken_line() {
        use rdkafka::types::RDKafkaRespErr::*;
        let health = Health::new("kafka://a:1", true);
        let alert = "ssl://a:1/bootstrap: SSL routines::tlsv13 alert certificate required";
        health.error(&global(RD_KAFKA_RESP_ERR__TRANSPORT), alert);
        assert_eq!(health.refusal().unwrap().kind(), Kind::Auth);
        let health = Health::new("kafka://a:1", true);
        for _ in 0..HANG_UPS {
            assert!(health.refusal().is_none());
            health.error(&global(RD_KAFKA_RESP_ERR__TRANSPORT), "ssl://a:1: Disconnected (after 3ms in state APIVERSION_QUERY)");
        }
        assert_eq!(health.refusal().unwrap().kind(), Kind::Auth);
    }
}
