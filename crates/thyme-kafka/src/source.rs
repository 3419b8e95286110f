//! Topics as a source.
mod block;
mod columns;
mod csv;
mod decode;
mod discover;
mod framed;
mod group;
mod keys;
mod look;
mod open;
mod plan;
mod reader;
mod start;
mod state;
mod verdict;

use std::sync::Arc;

use async_trait::async_trait;
use thyme_core::{Batch, Cursor, Dataset, Error, Job, Kind, Plan, Reject, Result, Source, SourceInfo};

use crate::client::Client;
use crate::config::{AutoOffsetReset, Format, KafkaSourceConfig, kafka_source_config_builder};

/// Reads topics, each record once.
#[derive(Clone, Debug)]
pub struct KafkaSource {
    config: Arc<KafkaSourceConfig>,
}

impl KafkaSource {
    /// Topics as `config` says; nothing is reached yet.
    #[must_use]
    pub fn new(config: KafkaSourceConfig) -> Self {
        Self { config: Arc::new(config) }
    }

    /// A source field by field; ends with `build()`.
    pub fn builder() -> crate::KafkaSourceConfigBuilder {
        KafkaSourceConfig::builder()
    }

    /// Whether the options fit together; what [`Source::check`] finds out without reaching a broker.
    ///
    /// # Errors
    /// `Config` naming the option.
    pub fn validate(&self) -> Result<()> {
        let config = &self.config;
        let wrong = |text: &str| Err(Error::new(Kind::Config, text));
        if config.topic.is_empty() || config.topic.iter().any(|topic| topic.trim().is_empty()) {
            return wrong("`topic` is a name, or a list of at least one");
        }
        let mut names = config.topic.clone();
        names.sort_unstable();
        names.dedup();
        if names.len() < config.topic.len() {
            return wrong("`topic` names a topic twice");
        }
        if config.enable_auto_commit == Some(true) {
            return wrong(
                "`enable_auto_commit` can't be true: positions belong to the cursor and move with the rows; they are committed to the \
                 group as well when the rows are durable",
            );
        }
        if config.start_timestamp.is_some() && config.auto_offset_reset != AutoOffsetReset::Timestamp {
            return wrong("`start_timestamp` is used under `auto_offset_reset = \"timestamp\"` alone");
        }
        if config.auto_offset_reset == AutoOffsetReset::Timestamp {
            start::start_timestamp(config)?;
        }
        open::settings_fit(config)?;
        let connection = config.connection()?;
        if config.format == Format::Avro && connection.registry.is_none() {
            return wrong("avro values name their schemas in a registry: set `schema_registry_url`");
        }
        Ok(())
    }
}

impl<S: kafka_source_config_builder::IsComplete> crate::KafkaSourceConfigBuilder<S> {
    /// The source.
    #[must_use]
    pub fn build(self) -> KafkaSource {
        KafkaSource::new(self.config())
    }
}

#[async_trait]
impl Source for KafkaSource {
    fn info(&self) -> SourceInfo {
        let topics = self.config.topic.join(",");
        SourceInfo {
            identity: format!("kafka topic {topics}"),
            streaming: true,
            shared: self.config.shared,
            ..SourceInfo::default()
        }
    }

    fn reads(&self, place: &str) -> bool {
        let Some((brokers, topic)) = place.strip_prefix("kafka://").and_then(|rest| rest.rsplit_once('/')) else { return false };
        let own = self.config.brokers.as_deref().unwrap_or_default();
        let shares = own.split(',').any(|one| brokers.split(',').any(|other| one.trim() == other.trim()));
        shares && self.config.topic.iter().any(|own| own == topic)
    }

    async fn check(&self) -> Result<()> {
        self.validate()?;
        let client = Client::new(&self.config.connection()?)?;
        for topic in &self.config.topic {
            client.partitions(topic).await?;
        }
        Ok(())
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        self.check().await?;
        discover::dataset(&self.config).await
    }

    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        self.validate()?;
        Ok(Box::new(open::plan(&self.config, job, from).await?))
    }

    async fn decode(&self, job: &Job, records: &[Reject]) -> Result<Batch> {
        open::again(&self.config, job, records).await
    }
}
