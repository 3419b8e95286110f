//! A connection as librdkafka takes it.
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use thyme_core::Result;

use crate::config::{Connection, SaslMechanism};

/// The settings that every client of these brokers has. Secrets are looked up now.
///
/// # Errors
/// `Config` for secrets and files that are not there.
pub(crate) fn settings(connection: &Connection) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    // What the user says counts before what is merely our taste.
    config.set("client.id", "thyme").set("socket.keepalive.enable", "true").set("topic.metadata.refresh.interval.ms", "30000");
    // Every second client waits half of the first backoff before its first answer.
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "5000");
    for (name, value) in &connection.properties {
        config.set(name, value);
    }
    config.set("bootstrap.servers", &connection.brokers);
    config.set("security.protocol", connection.security_protocol.name());
    if connection.security_protocol.sasl() {
        login(connection, &mut config)?;
    }
    if connection.security_protocol.tls() {
        tls(connection, &mut config)?;
    }
    Ok(config)
}

fn login(connection: &Connection, config: &mut ClientConfig) -> Result<()> {
    config.set("sasl.mechanisms", connection.sasl_mechanism.name());
    if matches!(connection.sasl_mechanism, SaslMechanism::OauthBearer | SaslMechanism::AwsMskIam) {
        return Ok(());
    }
    for (name, secret) in [("sasl.username", &connection.sasl_username), ("sasl.password", &connection.sasl_password)] {
        if let Some(secret) = secret {
            config.set(name, secret.reveal()?.expose());
        }
    }
    Ok(())
}

fn tls(connection: &Connection, config: &mut ClientConfig) -> Result<()> {
    match &connection.ssl_ca {
        Some(ca) => config.set("ssl.ca.pem", ca.text()?),
        // OpenSSL is built in, and knows no system: look where systems keep theirs.
        None => config.set("ssl.ca.location", "probe"),
    };
    if let Some(certificate) = &connection.ssl_certificate {
        config.set("ssl.certificate.pem", certificate.text()?);
    }
    for (name, secret) in [("ssl.key.pem", &connection.ssl_key), ("ssl.key.password", &connection.ssl_key_password)] {
        if let Some(secret) = secret {
            config.set(name, secret.reveal()?.expose());
        }
    }
    Ok(())
}
