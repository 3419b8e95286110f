//! Ways in that a broker really checks; a wrong word is `Auth` within seconds.
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use thyme_core::{Kind, Result, Secret, Source};
use thyme_kafka::{KafkaSource, KafkaSourceConfig, SaslMechanism, SecurityProtocol};
use thyme_testkit::Suite;
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::kafka::{Kafka, Listener, New, PASSWORD, Settings, USER, missing};

use crate::world::{job, json};

/// A broker with every way in but tokens.
fn broker() -> Result<&'static Kafka> {
    static BROKER: OnceLock<Kafka> = OnceLock::new();
    if BROKER.get().is_none() {
        let all = [Listener::Sasl, Listener::SaslSsl, Listener::Ssl, Listener::Mtls];
        let kafka = Kafka::start(&all.into_iter().fold(Settings::default(), Settings::listener))?;
        let _ = BROKER.set(kafka);
    }
    Ok(BROKER.get().unwrap())
}

/// A source of `topic` by `listener`, as the right user with the right certificates, and whatever `change` says.
fn source(kafka: &Kafka, listener: Listener, topic: &str, change: impl FnOnce(&mut KafkaSourceConfig)) -> Result<KafkaSource> {
    let mut config = KafkaSource::builder().brokers(kafka.brokers(listener)).topic([topic]).config();
    config.auto_offset_reset = thyme_kafka::AutoOffsetReset::Earliest;
    config.properties.insert("broker.address.family".to_owned(), "v4".to_owned());
    if matches!(listener, Listener::Sasl | Listener::SaslSsl) {
        (config.sasl_username, config.sasl_password) = (Some(Secret::new(USER)), Some(Secret::new(PASSWORD)));
        config.sasl_mechanism = Some(SaslMechanism::ScramSha512);
    }
    config.security_protocol = match listener {
        Listener::Sasl => Some(SecurityProtocol::SaslPlaintext),
        // Also where the certificates that would say so are left out.
        Listener::Ssl | Listener::Mtls => Some(SecurityProtocol::Ssl),
        Listener::Plain | Listener::SaslSsl => None,
    };
    if let (true, Some(certs)) = (matches!(listener, Listener::SaslSsl | Listener::Ssl | Listener::Mtls), kafka.certs()) {
        config.ssl_ca_pem = Some(certs.pem());
        if listener == Listener::Mtls {
            let client = certs.client(USER)?;
            (config.ssl_certificate_pem, config.ssl_key_pem) = (Some(client.certificate), Some(Secret::new(client.key)));
        }
    }
    change(&mut config);
    Ok(KafkaSource::new(config))
}

/// The source reads the three records of its topic.
async fn reads(source: &KafkaSource) -> Result<()> {
    source.check().await?;
    let mut durable = Durable::default();
    let mut job = job(&["id int64!"]);
    job.task = thyme_core::Task::alone(format!("{:p}", source));
    drive::run(source, &job, &mut durable, How::default()).await?;
    assert_eq!(durable.ids()?, [0, 1, 2]);
    Ok(())
}

/// The source is refused within seconds, by a look and by a run.
async fn refused(source: &KafkaSource) -> Result<()> {
    let begun = Instant::now();
    let error = source.check().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(6), "it took {:?}: {error}", begun.elapsed());
    assert!(!error.to_string().contains("wrong-word"), "{error}");
    let error = drive::run(source, &job(&["id int64!"]), &mut Durable::default(), How::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    Ok(())
}

async fn topic(kafka: &Kafka, name: &str) -> Result<String> {
    kafka.create_topic(name, 1, &[]).await?;
    kafka.produce(name, (0..3).map(|id| New::to(0, json(id)))).await?;
    Ok(name.to_owned())
}

pub(crate) fn suite() -> Suite {
    Suite::new("security")
        .needs(missing())
        .case("passwords", || async {
            let kafka = broker()?;
            let topic = topic(kafka, "passwords").await?;
            for listener in [Listener::Sasl, Listener::SaslSsl] {
                for mechanism in [SaslMechanism::Plain, SaslMechanism::ScramSha256, SaslMechanism::ScramSha512] {
                    let right = source(kafka, listener, &topic, |config| config.sasl_mechanism = Some(mechanism))?;
                    reads(&right).await.map_err(|e| e.context("mechanism", format!("{mechanism:?}")))?;
                    let wrong = source(kafka, listener, &topic, |config| {
                        config.sasl_mechanism = Some(mechanism);
                        config.sasl_password = Some(Secret::new("wrong-word"));
                    })?;
                    refused(&wrong).await?;
                }
            }
            Ok(())
        })
        .case("certificates", || async {
            let kafka = broker()?;
            let topic = topic(kafka, "certificates").await?;
            for listener in [Listener::Ssl, Listener::Mtls] {
                reads(&source(kafka, listener, &topic, |_| {})?).await?;
            }
            // A server that nobody we trust has signed; a client that shows no certificate.
            refused(&source(kafka, Listener::Ssl, &topic, |config| config.ssl_ca_pem = None)?)
                .await
                .map_err(|e| e.context("case", "no ca"))?;
            let bare = source(kafka, Listener::Mtls, &topic, |config| {
                (config.ssl_certificate_pem, config.ssl_key_pem) = (None, None);
            })?;
            refused(&bare).await
        })
}
