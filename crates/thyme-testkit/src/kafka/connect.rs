//! A real worker of Kafka Connect, with Debezium for PostgreSQL and a converter to Avro.
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use thyme_core::{Error, Kind, Result};

use super::install::{class_path, service};
use super::registry::status;
use super::side::Side;
use super::template::Template;
use super::{Kafka, Listener, install, properties};
use crate::program::broke;

/// No connector takes that long to run.
const PATIENCE: Duration = Duration::from_secs(60);

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// How Debezium wraps a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The envelope and its schema.
    WithSchema,
    /// The envelope alone.
    Bare,
    /// The row alone, with `__op` and `__deleted`; a deletion has its key and no other column.
    Flat,
}

/// A running worker.
#[derive(Debug)]
pub struct Connect {
    side: Side,
    http: reqwest::Client,
}

impl Connect {
    /// Why it is not here; `None` when it is.
    #[must_use]
    pub fn missing() -> Option<String> {
        service("kafka-connect").err().map(|error| error.to_string())
    }

    /// Starts a worker with exactly-once sources on a cluster. Blocks for some seconds.
    ///
    /// # Errors
    /// `NotFound` when it is not installed, with the remedy; `Unavailable` when it does not come up, with its log.
    pub fn start(kafka: &Kafka) -> Result<Self> {
        Self::start_with(kafka, 512, &[])
    }

    /// As [`Connect::start`], with so many MiB of heap, and options of the virtual machine after ours, which are made for a
    /// fast start.
    ///
    /// # Errors
    /// As [`Connect::start`].
    pub fn start_with(kafka: &Kafka, heap_mb: u32, options: &[String]) -> Result<Self> {
        let (plugins, template) = (service("kafka-connect")?, Template::ready()?);
        let command = |folder: &std::path::Path, port: u16| {
            let file = folder.join("connect.properties");
            let mut text = format!("bootstrap.servers={}\nlisteners=http://127.0.0.1:{port}\n", kafka.brokers(Listener::Plain));
            let group = properties::id();
            let _ = writeln!(text, "plugin.path={}\ngroup.id=connect-{group}", plugins.display());
            for topic in ["config", "offset", "status"] {
                let _ = writeln!(text, "{topic}.storage.topic=connect-{group}-{topic}\n{topic}.storage.replication.factor=1");
            }
            let _ = writeln!(text, "key.converter={JSON}\nvalue.converter={JSON}");
            text.push_str("offset.storage.partitions=1\nstatus.storage.partitions=1\nexactly.once.source.support=enabled\n");
            text.push_str("scheduled.rebalance.max.delay.ms=0\nconnector.client.config.override.policy=All\n");
            // The converter does not say that it is one, as services do.
            text.push_str("plugin.discovery=hybrid_warn\n");
            std::fs::write(&file, text).map_err(|e| broke("settings can't be written", &file, e))?;
            let mut java = install::java(heap_mb);
            java.args(template.options()).args(options).arg("-cp").arg(class_path(&template.jars));
            java.arg("org.apache.kafka.connect.cli.ConnectDistributed").arg(file);
            Ok(java)
        };
        let side = Side::start("connect", command, |_, port| Ok(status(port, "/connectors") == Some(200)))?;
        Ok(Self { side, http: reqwest::Client::new() })
    }

    /// Starts a connector, or changes one, and waits until it runs with all its tasks.
    ///
    /// # Errors
    /// `Unavailable` with what Connect says.
    pub async fn connector(&self, name: &str, config: &Value) -> Result<()> {
        self.call(Method::PUT, &format!("connectors/{name}/config"), Some(config)).await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Its status comes a little later than its name.
            let status = self.call(Method::GET, &format!("connectors/{name}/status"), None).await.unwrap_or_default();
            let tasks = status["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
            let failed = tasks.iter().chain([&status["connector"]]).find(|part| part["state"] == "FAILED");
            if let Some(failed) = failed {
                let trace = failed["trace"].as_str().unwrap_or_default();
                return Err(Error::new(Kind::Unavailable, "the connector failed").context("trace", trace));
            }
            if !tasks.is_empty() && tasks.iter().all(|task| task["state"] == "RUNNING") {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Error::new(Kind::Unavailable, "the connector does not run").context("status", status));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Removes a connector.
    ///
    /// # Errors
    /// As [`Connect::connector`].
    pub async fn remove(&self, name: &str) -> Result<()> {
        self.call(Method::DELETE, &format!("connectors/{name}"), None).await.map(drop)
    }

    /// Where its interface is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.side.port())
    }

    /// The worker's process, for its memory.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.side.pid()
    }

    /// Everything it logged so far.
    ///
    /// # Errors
    /// `Unavailable` when the log can't be read.
    pub fn log(&self) -> Result<String> {
        self.side.log()
    }

    /// Debezium on tables of a PostgreSQL server of the tests. `tables` is a pattern: `public.orders`. Records go to
    /// `PREFIX.SCHEMA.TABLE`.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn debezium(database: &crate::postgres::Database<'_>, prefix: &str, tables: &str, shape: Shape) -> Value {
        let mut config = json!({
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "plugin.name": "pgoutput",
            "database.hostname": "127.0.0.1",
            "database.port": database.server.port().to_string(),
            "database.user": crate::postgres::USER,
            "database.password": crate::postgres::PASSWORD,
            "database.dbname": database.name,
            "topic.prefix": prefix,
            "slot.name": prefix,
            "publication.name": prefix,
            "publication.autocreate.mode": "filtered",
            "table.include.list": tables,
            "topic.creation.default.replication.factor": "1",
            "topic.creation.default.partitions": "1",
        });
        for side in ["key", "value"] {
            config[format!("{side}.converter")] = json!(JSON);
            config[format!("{side}.converter.schemas.enable")] = json!((shape == Shape::WithSchema).to_string());
        }
        if shape == Shape::Flat {
            config["transforms"] = json!("unwrap");
            config["transforms.unwrap.type"] = json!("io.debezium.transforms.ExtractNewRecordState");
            config["transforms.unwrap.delete.tombstone.handling.mode"] = json!("rewrite");
            config["transforms.unwrap.add.fields"] = json!("op");
        }
        config
    }

    /// Makes a connector's configuration write keys and values in Avro, with Confluent's frame, and register the schemas.
    #[must_use]
    pub fn in_avro(mut config: Value, registry: &super::Registry) -> Value {
        for side in ["key", "value"] {
            config[format!("{side}.converter")] = json!("io.apicurio.registry.utils.converter.AvroConverter");
            config[format!("{side}.converter.apicurio.registry.url")] = json!(registry.root() + "/apis/registry/v2");
            config[format!("{side}.converter.apicurio.registry.auto-register")] = json!("true");
            config[format!("{side}.converter.apicurio.registry.find-latest")] = json!("true");
            config[format!("{side}.converter.apicurio.registry.as-confluent")] = json!("true");
            config[format!("{side}.converter.apicurio.registry.headers.enabled")] = json!("false");
            config[format!("{side}.converter.apicurio.registry.use-id")] = json!("contentId");
            if let Some(config) = config.as_object_mut() {
                config.remove(&format!("{side}.converter.schemas.enable"));
            }
        }
        config
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let broken = |e| Error::new(Kind::Unavailable, "Connect does not answer").source(e);
        let mut request = self.http.request(method, format!("{}/{path}", self.url()));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.timeout(PATIENCE).send().await.map_err(broken)?;
        let (status, text) = (response.status(), response.text().await.map_err(broken)?);
        if !status.is_success() {
            return Err(Error::new(Kind::Unavailable, "Connect refuses").context("status", status).context("it says", text));
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }
}
