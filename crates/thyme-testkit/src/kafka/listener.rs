//! How a broker lets clients in.
use std::fmt;

use rdkafka::ClientConfig;
use thyme_core::{Error, Kind, Result};

use super::{Kafka, PASSWORD, USER};

/// One way into a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Listener {
    /// PLAINTEXT. Every broker has it.
    Plain,
    /// SASL_PLAINTEXT: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, and OAUTHBEARER where there is an issuer of tokens.
    Sasl,
    /// SASL_SSL, with the same mechanisms.
    SaslSsl,
    /// SSL, without a client's certificate.
    Ssl,
    /// SSL with a client's certificate, signed by the authority of [`Kafka::certs`].
    Mtls,
}

impl Listener {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Plain, Self::Sasl, Self::SaslSsl, Self::Ssl, Self::Mtls];

    /// The broker's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Sasl => "SASL",
            Self::SaslSsl => "SASLSSL",
            Self::Ssl => "SSL",
            Self::Mtls => "MTLS",
        }
    }

    /// What a client calls it in `security.protocol`.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Plain => "PLAINTEXT",
            Self::Sasl => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
            Self::Ssl | Self::Mtls => "SSL",
        }
    }

    pub(super) fn is_encrypted(self) -> bool {
        matches!(self, Self::SaslSsl | Self::Ssl | Self::Mtls)
    }

    pub(super) fn has_users(self) -> bool {
        matches!(self, Self::Sasl | Self::SaslSsl)
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Kafka {
    /// What a client of librdkafka needs to be let in: by SCRAM-SHA-512 where users are asked for.
    ///
    /// # Errors
    /// `Unexpected` when a client's certificate can't be signed.
    pub fn client(&self, listener: Listener) -> Result<ClientConfig> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.brokers(listener)).set("security.protocol", listener.protocol());
        config.set("broker.address.family", "v4");
        if listener.has_users() {
            config.set("sasl.mechanism", "SCRAM-SHA-512").set("sasl.username", USER).set("sasl.password", PASSWORD);
        }
        if let (true, Some(certs)) = (listener.is_encrypted(), self.certs()) {
            config.set("ssl.ca.pem", certs.pem());
            if listener == Listener::Mtls {
                let client = certs.client(USER)?;
                config.set("ssl.certificate.pem", client.certificate).set("ssl.key.pem", client.key);
            }
        }
        Ok(config)
    }
}

/// What librdkafka said.
pub(super) fn failed(what: &str, error: rdkafka::error::KafkaError) -> Error {
    Error::new(Kind::Unavailable, what).source(error)
}
