//! Topics, published exactly once: records and the task's cursor in one transaction, fenced by its id.
mod check;
mod column;
mod deliveries;
mod envelopes;
mod fence;
mod form;
mod line;
mod partition;
mod producer;
mod progress;
mod publisher;
mod records;
mod refused;
mod schemas;
mod slots;
mod standing;
mod topic;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thyme_core::{Cursor, Error, Job, Kind, Opened, Result, Sink, SinkInfo, Task, async_trait};

use crate::client::{Client, Context, admin, part};
use crate::config::{Connection, Delivery, Encoding, Format, KafkaSinkConfig, KafkaSinkConfigBuilder, kafka_sink_config_builder};

use fence::{Doubt, Fence};
use line::Line;
use progress::Place;
use publisher::Publisher;
use records::Records;
use refused::Refused;
use writer::TopicWriter;

/// A topic, published exactly once.
///
/// ```
/// use thyme_kafka::KafkaSink;
///
/// let sink = KafkaSink::builder().topic("orders").brokers("localhost:9092").build();
/// ```
#[derive(Clone, Debug)]
pub struct KafkaSink {
    config: KafkaSinkConfig,
    /// What one writer of a task leaves to the next.
    left: Arc<Mutex<HashMap<Task, Left>>>,
}

/// What one writer of a task leaves to the next.
#[derive(Clone, Debug, Default)]
struct Left {
    refused: Refused,
    doubt: Doubt,
}

impl KafkaSink {
    /// A sink from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: KafkaSinkConfig) -> Self {
        Self { config, left: Arc::default() }
    }

    /// Builds a configuration, then the sink.
    pub fn builder() -> KafkaSinkConfigBuilder {
        KafkaSinkConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without reaching the brokers.
    ///
    /// # Errors
    /// `Config` for a topic without a name, options that contradict each other, a connection that is not described.
    pub fn validate(&self) -> Result<()> {
        self.place().map(drop)
    }

    fn place(&self) -> Result<Connection> {
        let config = &self.config;
        if config.topic.is_empty() {
            return Err(Error::new(Kind::Config, "`topic` is empty"));
        }
        if config.topic == config.progress_topic {
            let text = format!("`{}` is the topic of the cursors themselves: choose another", config.topic);
            return Err(Error::new(Kind::Config, text));
        }
        producer::validate(config)?;
        let connection = config.connection()?;
        let avro = config.format == Format::Avro || config.key_format == Format::Avro;
        if avro && connection.registry.is_none() {
            return Err(Error::new(Kind::Config, "avro needs a registry for its schemas: set `schema_registry_url`"));
        }
        if config.encoding == Some(Encoding::Debezium) {
            envelopes::validate(config)?;
        }
        Ok(connection)
    }

    fn exactly_once(&self) -> bool {
        self.config.delivery == Delivery::ExactlyOnce
    }
}

impl<S: kafka_sink_config_builder::IsComplete> KafkaSinkConfigBuilder<S> {
    /// The sink; nothing is reached.
    pub fn build(self) -> KafkaSink {
        KafkaSink::new(self.config())
    }
}

#[async_trait]
impl Sink for KafkaSink {
    fn info(&self) -> SinkInfo {
        let place = self.config.connection().map_or_else(|_| "kafka".into(), |connection| connection.identity());
        SinkInfo {
            identity: format!("{place} {}", self.config.topic),
            holds_cursor: self.exactly_once(),
            ops: records::ops(self.config.encoding),
            before: self.config.encoding == Some(Encoding::Debezium),
            // What is not known has a word of its own in an envelope.
            partial: self.config.encoding == Some(Encoding::Debezium),
            per_poll: false,
            commit_after: Duration::ZERO,
            // What is left is for the commit itself.
            commit_within: producer::delivery_timeout(&self.config) / 3,
        }
    }

    fn writes(&self, _: &str) -> Option<String> {
        let connection = self.config.connection().ok()?;
        Some(format!("{}/{}", connection.identity(), self.config.topic))
    }

    async fn check(&self) -> Result<()> {
        check::check(&self.config, &self.place()?).await
    }

    async fn open(&self, job: &Job) -> Result<Opened> {
        let (config, connection) = (&self.config, self.place()?);
        let client = Client::new(&connection)?;
        let progress = self.exactly_once().then_some(&*config.progress_topic);
        if let Some(progress) = progress {
            topic::progress(&client, &connection, progress).await?;
        }
        let partitions = topic::find_or_create(&client, config, &connection).await?;
        let admin = admin(&connection)?;
        let limits = topic::limits(&admin, config, &connection, partitions, progress).await;
        part(admin);
        let limits = limits?;
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).entry(job.task.clone()).or_default().clone();
        let settings = producer::producer(config, &connection, &job.task, &limits, job.buffer)?;
        let keys = records::keys(config, &job.dataset)?;
        let ids = schemas::register(config, &connection, job.dataset.schema(), &keys).await?;
        let records = Records::new(config, job, &keys, ids, limits)?;
        let fence = progress.map(|progress| {
            let place = Place { topic: config.topic.clone(), task: job.task.clone() };
            Fence::new(progress, place, producer::transaction_timeout(config), connection.clone(), left.doubt)
        });
        let stop = Arc::new(AtomicBool::new(false));
        let publisher = Publisher {
            line: Line::new(&settings, Context::new(&connection), &config.topic, Arc::clone(&stop))?,
            topic: config.topic.clone(),
            records,
            fence,
            refused: left.refused,
            begun: None,
            limit: producer::delivery_timeout(config) + Duration::from_secs(10),
        };
        part(client);
        let opened = writer::blocking(&stop, Box::new(publisher), Publisher::open);
        let (publisher, cursor) = opened.await.map_err(|e| e.context("task", &job.task))?;
        Ok(Opened { writer: Box::new(TopicWriter::new(publisher, stop)), cursor })
    }

    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let connection = self.place()?;
        if !self.exactly_once() {
            return Ok(BTreeMap::new());
        }
        let client = Client::new(&connection)?;
        match client.partitions(&self.config.progress_topic).await {
            Err(error) if error.kind() == Kind::NotFound => return Ok(BTreeMap::new()),
            found => found?,
        };
        let mut cursors = progress::Cursors::new(&self.config.topic, pipeline);
        let progress = self.config.progress_topic.clone();
        let read = tokio::task::spawn_blocking(move || {
            drop(client);
            standing::all(&connection, &progress, |key, value| cursors.take(key, value))?;
            cursors.finish()
        });
        read.await.map_err(|e| Error::new(Kind::Unexpected, "reading the cursors was cut short").source(e))?
    }
}

#[cfg(test)]
mod tests;
