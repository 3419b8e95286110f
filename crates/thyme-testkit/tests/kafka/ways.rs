//! Every way into a broker is open to the right client, and closed to the wrong one.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use thyme_core::Result;
use thyme_testkit::kafka::{Kafka, Listener, Settings};

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<RDKafkaErrorCode>>>);

impl ClientContext for Seen {
    fn error(&self, error: KafkaError, _: &str) {
        self.0.lock().unwrap().extend(error.rdkafka_error_code());
    }
}

impl ConsumerContext for Seen {}

/// Whether it is let in, and which errors it met.
async fn attempt(config: ClientConfig, patience: Duration) -> (bool, Vec<RDKafkaErrorCode>) {
    let seen = Seen::default();
    let consumer: BaseConsumer<Seen> = config.create_with_context(seen.clone()).unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        let answered = consumer.fetch_metadata(None, patience).is_ok();
        let _ = consumer.poll(Duration::from_millis(50));
        answered
    });
    let answered = asked.await.unwrap();
    let seen = seen.0.lock().unwrap().clone();
    (answered, seen)
}

fn every_way() -> Settings {
    Settings { listeners: Listener::ALL.to_vec(), ..Settings::default() }
}

pub(super) async fn right() -> Result<()> {
    let kafka = Kafka::start(&every_way())?;
    for listener in Listener::ALL {
        let (answered, seen) = attempt(kafka.client(*listener)?, Duration::from_secs(10)).await;
        assert!(answered, "{listener}: {seen:?}");
    }
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        for listener in [Listener::Sasl, Listener::SaslSsl] {
            let mut config = kafka.client(listener)?;
            config.set("sasl.mechanism", mechanism);
            let (answered, seen) = attempt(config, Duration::from_secs(10)).await;
            assert!(answered, "{listener} {mechanism}: {seen:?}");
        }
    }
    Ok(())
}

pub(super) async fn wrong() -> Result<()> {
    let kafka = Kafka::start(&every_way())?;
    let patience = Duration::from_secs(3);
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let mut config = kafka.client(Listener::Sasl)?;
        config.set("sasl.mechanism", mechanism).set("sasl.password", "another");
        let (answered, seen) = attempt(config, patience).await;
        assert!(!answered && seen.contains(&RDKafkaErrorCode::Authentication), "{mechanism}: {seen:?}");
    }
    let mut other = kafka.client(Listener::Ssl)?;
    other.remove("ssl.ca.pem");
    other.set("ssl.ca.location", kafka.certs().unwrap().other_path().display().to_string());
    let (answered, seen) = attempt(other, patience).await;
    assert!(!answered && seen.contains(&RDKafkaErrorCode::SSL), "{seen:?}");
    let mut nobody = kafka.client(Listener::Mtls)?;
    nobody.remove("ssl.certificate.pem");
    nobody.remove("ssl.key.pem");
    let (answered, seen) = attempt(nobody, patience).await;
    assert!(!answered, "{seen:?}");
    Ok(())
}
