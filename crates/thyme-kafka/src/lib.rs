//! Apache Kafka for Thyme connectors: read and published exactly once.
