//! Where the brokers are and who connects.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thyme_core::{Error, Kind, Result, Secret};

use super::properties;
use super::security::{SaslMechanism, SecurityProtocol};

/// Where the brokers are and who connects: the connection-level fields with what follows from them filled in.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// How the line is protected.
    pub security_protocol: SecurityProtocol,
    /// How we log in, where the protocol has a log-in.
    pub sasl_mechanism: SaslMechanism,
    /// The user, or the client of a token issuer.
    pub sasl_username: Option<Secret>,
    /// Its password or secret.
    pub sasl_password: Option<Secret>,
    /// Where a token is asked for.
    pub token_url: Option<String>,
    /// What the token is asked for.
    pub token_scope: Option<String>,
    /// The region that an MSK token is signed for.
    pub aws_region: Option<String>,
    /// Certificates that may have signed the brokers'; `None`: those that the system trusts.
    pub ssl_ca: Option<Pem>,
    /// The client's certificate.
    pub ssl_certificate: Option<Pem>,
    /// Its private key.
    pub ssl_key: Option<Secret>,
    /// What the key is encrypted with.
    pub ssl_key_password: Option<Secret>,
    /// Where Avro schemas are kept.
    pub registry: Option<SchemaRegistry>,
    /// How long a broker may take to answer for the first time.
    pub connect_timeout: Duration,
    /// Any other property of librdkafka.
    pub properties: BTreeMap<String, String>,
}

impl Connection {
    /// The brokers without user and secrets: `kafka://a:9092,b:9092`.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("kafka://{}", self.brokers)
    }
}

/// A schema registry that speaks Confluent's API.
#[derive(Clone, Debug)]
pub struct SchemaRegistry {
    /// Its address, with the path that its API begins at.
    pub url: String,
    /// Who asks.
    pub username: Option<Secret>,
    /// The password.
    pub password: Option<Secret>,
    /// Certificates that may have signed its own, beside those that the system trusts: those of the brokers.
    pub ca: Option<Pem>,
}

/// Certificates, as text or in a file.
#[derive(Clone, Debug)]
pub enum Pem {
    /// PEM text.
    Text(String),
    /// A file of it.
    File(PathBuf),
}

impl Pem {
    /// The PEM text.
    ///
    /// # Errors
    /// `Config` when the file can't be read.
    pub fn text(&self) -> Result<String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => std::fs::read_to_string(path).map_err(|e| {
                Error::new(Kind::Config, "a file of PEM certificates can't be read").context("file", path.display()).source(e)
            }),
        }
    }
}

/// The fields as they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) brokers: Option<String>,
    pub(super) security_protocol: Option<SecurityProtocol>,
    pub(super) sasl_mechanism: Option<SaslMechanism>,
    pub(super) sasl_username: Option<Secret>,
    pub(super) sasl_password: Option<Secret>,
    pub(super) token_url: Option<String>,
    pub(super) token_scope: Option<String>,
    pub(super) aws_region: Option<String>,
    pub(super) ssl_ca_pem: Option<String>,
    pub(super) ssl_ca_pem_file: Option<String>,
    pub(super) ssl_certificate_pem: Option<String>,
    pub(super) ssl_certificate_pem_file: Option<String>,
    pub(super) ssl_key_pem: Option<Secret>,
    pub(super) ssl_key_pem_file: Option<String>,
    pub(super) ssl_key_password: Option<Secret>,
    pub(super) registry_url: Option<String>,
    pub(super) registry_username: Option<Secret>,
    pub(super) registry_password: Option<Secret>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) properties: BTreeMap<String, String>,
}

impl Given {
    /// What these fields say together.
    pub(super) fn resolve(self) -> Result<Connection> {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let brokers =
            filled(self.brokers).ok_or_else(|| wrong("no broker to connect to: set `brokers` or THYME_KAFKA_BROKERS"))?;
        properties::check(&self.properties)?;
        let ssl_ca = pem("ssl_ca_pem", self.ssl_ca_pem, self.ssl_ca_pem_file)?;
        let ssl_certificate = pem("ssl_certificate_pem", self.ssl_certificate_pem, self.ssl_certificate_pem_file)?;
        let ssl_key = match (self.ssl_key_pem, filled(self.ssl_key_pem_file)) {
            (Some(_), Some(_)) => return Err(twice("ssl_key_pem")),
            (key, file) => key.or_else(|| file.map(Secret::file)),
        };
        if ssl_certificate.is_some() != ssl_key.is_some() {
            return Err(wrong("`ssl_certificate_pem` and `ssl_key_pem` belong together: one is missing"));
        }
        let named = self.sasl_username.is_some() || self.sasl_password.is_some();
        let login = named || self.sasl_mechanism.is_some_and(SaslMechanism::token);
        let protocol = self.security_protocol.unwrap_or(if login {
            SecurityProtocol::SaslSsl
        } else if ssl_ca.is_some() || ssl_certificate.is_some() {
            SecurityProtocol::Ssl
        } else {
            SecurityProtocol::Plaintext
        });
        let connection = Connection {
            brokers: brokers.split(',').map(str::trim).filter(|one| !one.is_empty()).collect::<Vec<_>>().join(","),
            security_protocol: protocol,
            sasl_mechanism: self.sasl_mechanism.unwrap_or_default(),
            sasl_username: self.sasl_username,
            sasl_password: self.sasl_password,
            token_url: filled(self.token_url),
            token_scope: filled(self.token_scope),
            aws_region: filled(self.aws_region),
            registry: filled(self.registry_url).map(|url| SchemaRegistry {
                url,
                username: self.registry_username,
                password: self.registry_password,
                ca: ssl_ca.clone(),
            }),
            ssl_ca,
            ssl_certificate,
            ssl_key,
            ssl_key_password: self.ssl_key_password,
            connect_timeout: self.connect_timeout.unwrap_or(Duration::from_secs(10)),
            properties: self.properties,
        };
        connection.complete(self.sasl_mechanism.is_some())?;
        Ok(connection)
    }
}

impl Connection {
    /// Whether everything is there that the protocol asks for, and nothing that it would leave unused.
    fn complete(&self, mechanism: bool) -> Result<()> {
        let protocol = self.security_protocol;
        if !protocol.sasl() {
            let unused = [
                (mechanism, "sasl_mechanism"),
                (self.sasl_username.is_some(), "sasl_username"),
                (self.sasl_password.is_some(), "sasl_password"),
            ];
            return match unused.iter().find(|(given, _)| *given) {
                Some((_, name)) => Err(wrong(format!(
                    "`{name}` is not used under `security_protocol` {protocol}: set SASL_SSL or SASL_PLAINTEXT"
                ))),
                None => Ok(()),
            };
        }
        match self.sasl_mechanism {
            SaslMechanism::AwsMskIam => Ok(()),
            SaslMechanism::OauthBearer if self.token_url.is_none() => {
                Err(wrong("OAUTHBEARER needs `sasl_token_url`, where a token is asked for with the client's id and secret"))
            }
            _ if self.sasl_username.is_none() || self.sasl_password.is_none() => {
                Err(wrong("`sasl_username` and `sasl_password` are needed to log in: one is missing"))
            }
            _ => Ok(()),
        }
    }
}

fn pem(name: &'static str, text: Option<String>, file: Option<String>) -> Result<Option<Pem>> {
    let filled = |text: &String| !text.trim().is_empty();
    match (text.filter(filled), file.filter(filled)) {
        (Some(_), Some(_)) => Err(twice(name)),
        // Kept in one line, as some vaults do.
        (Some(text), None) => Ok(Some(Pem::Text(text.replace("\\n", "\n")))),
        (None, file) => Ok(file.map(|file| Pem::File(Path::new(&file).to_owned()))),
    }
}

fn twice(name: &str) -> Error {
    wrong(format!("`{name}` and `{name}_file` are both given: keep one of them"))
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(Kind::Config, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        Given { brokers: Some("a:1, b:2".into()), ..Given::default() }
    }

    #[test]
    fn the_protocol_follows_from_what_is_given() {
        let plain = given().resolve().unwrap();
        assert_eq!((plain.security_protocol, plain.brokers.as_str()), (SecurityProtocol::Plaintext, "a:1,b:2"));
        let tls = Given { ssl_ca_pem: Some("x".into()), ..given() }.resolve().unwrap();
        assert_eq!(tls.security_protocol, SecurityProtocol::Ssl);
        let login = Given { sasl_username: Some("u".into()), sasl_password: Some("p".into()), ..given() };
        assert_eq!(login.clone().resolve().unwrap().security_protocol, SecurityProtocol::SaslSsl);
        let clear = Given { security_protocol: Some(SecurityProtocol::SaslPlaintext), ..login };
        assert_eq!(clear.resolve().unwrap().security_protocol, SecurityProtocol::SaslPlaintext);
        let msk = Given { sasl_mechanism: Some(SaslMechanism::AwsMskIam), ..given() }.resolve().unwrap();
        assert_eq!(msk.security_protocol, SecurityProtocol::SaslSsl);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let wrong = [
            (Given::default(), "brokers"),
            (Given { sasl_username: Some("u".into()), ..given() }, "sasl_password"),
            (Given { sasl_mechanism: Some(SaslMechanism::OauthBearer), ..given() }, "sasl_token_url"),
            (Given { sasl_mechanism: Some(SaslMechanism::Plain), ..given() }, "sasl_mechanism"),
            (Given { ssl_certificate_pem: Some("x".into()), ..given() }, "ssl_key_pem"),
            (Given { ssl_ca_pem: Some("x".into()), ssl_ca_pem_file: Some("y".into()), ..given() }, "ssl_ca_pem_file"),
            (Given { properties: [("group.id".to_owned(), "g".to_owned())].into(), ..given() }, "`group_id`"),
        ];
        for (given, expected) in wrong {
            let error = given.resolve().unwrap_err();
            assert!(error.kind() == Kind::Config && error.message().contains(expected), "{error}");
        }
    }
}
