//! What can be said about a source and a sink, and the connection that both share.
mod choices;
mod connection;
mod debezium;
mod fields;
mod properties;
mod security;
mod sink;
mod source;
mod url;

pub use choices::{
    Acks, AutoOffsetReset, Compression, CreateTopic, Delivery, Encoding, Format, GroupProtocol, HeaderColumn, IsolationLevel,
    MetadataColumn, Mode,
};
pub use connection::{Connection, Pem, SchemaRegistry};
pub use debezium::{Debezium, DecimalForm, Ticks};
pub use security::{SaslMechanism, SecurityProtocol};
pub(crate) use sink::kafka_sink_config_builder;
pub use sink::{KafkaSinkConfig, KafkaSinkConfigBuilder};
pub(crate) use source::kafka_source_config_builder;
pub use source::{KafkaSourceConfig, KafkaSourceConfigBuilder};
pub(crate) use url::from_url;
