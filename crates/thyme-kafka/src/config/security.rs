//! How the line is protected and who we say we are.
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// How the line to the brokers is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SecurityProtocol {
    /// In the clear, anybody.
    Plaintext,
    /// TLS; who we are is said by a certificate, if at all.
    Ssl,
    /// In the clear, with a log-in.
    SaslPlaintext,
    /// TLS with a log-in.
    SaslSsl,
}

impl SecurityProtocol {
    /// The word of librdkafka.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether there is a log-in.
    #[must_use]
    pub fn sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether the line is encrypted.
    #[must_use]
    pub fn tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How we log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    /// User name and password as they are.
    #[default]
    #[serde(rename = "PLAIN")]
    Plain,
    /// A challenge, with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A challenge, with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A token of an issuer, got by client credentials.
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
    /// A token signed with AWS credentials, for Amazon MSK.
    #[serde(rename = "AWS_MSK_IAM")]
    AwsMskIam,
}

impl SaslMechanism {
    /// The word of librdkafka.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OauthBearer | Self::AwsMskIam => "OAUTHBEARER",
        }
    }

    /// Whether it takes a token in place of user name and password.
    #[must_use]
    pub fn token(self) -> bool {
        matches!(self, Self::OauthBearer | Self::AwsMskIam)
    }
}
