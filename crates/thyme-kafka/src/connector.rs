//! What the registry knows about this crate.
use thyme_core::connector::Connector;

/// Topics of Apache Kafka.
pub static KAFKA: Connector = Connector {
    name: "kafka",
    summary: "topics of Apache Kafka, as JSON, Avro, text, bytes or CSV",
    schemes: &["kafka"],
    delivery: "exactly once: records and the cursor in one transaction, fenced by its id",
    source: None,
    sink: None,
};
