//! Apache Kafka for Thyme connectors: read and published exactly once.
mod client;
mod config;
mod connector;
mod error;
#[cfg(feature = "testing")]
pub mod limit;
mod raw;
pub mod registry;
mod sink;
mod source;

pub use config::{
    Acks, AutoOffsetReset, Compression, Connection, CreateTopic, Debezium, DecimalForm, Delivery, Encoding, Format,
    GroupProtocol, HeaderColumn, IsolationLevel, KafkaSinkConfig, KafkaSinkConfigBuilder, KafkaSourceConfig,
    KafkaSourceConfigBuilder, MetadataColumn, Mode, Pem, SaslMechanism, SchemaRegistry, SecurityProtocol, Ticks,
};
pub use connector::KAFKA;
pub use sink::KafkaSink;
pub use source::KafkaSource;
