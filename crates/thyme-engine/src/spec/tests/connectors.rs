//! Connectors that reach nothing: `lines` (polled), `flow` (a stream), and a sink.
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thyme_core::connector::{SinkEntry, SourceEntry};
use thyme_core::{
    Connector, Cursor, Dataset, Error, Job, Kind, Op, Opened, Plan, Result, Secret, Sink, SinkInfo, Source, SourceInfo,
    async_trait,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinesSource {
    /// What is read.
    #[schemars(extend("x-path" = true))]
    path: String,
    #[serde(default)]
    watch: bool,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    #[schemars(extend("x-connection" = true))]
    password: Option<Secret>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinesSink {
    #[schemars(extend("x-path" = true))]
    path: String,
    #[serde(default)]
    #[schemars(extend("x-connection" = true))]
    password: Option<Secret>,
    #[serde(default)]
    #[schemars(extend("x-aliases" = ["strategy"], "x-value-aliases" = {"create_new": "append"}))]
    mode: Mode,
}

#[derive(Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Append,
    Overwrite,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Flow {
    topic: String,
    #[serde(default)]
    #[schemars(extend("x-connection" = true))]
    host: Option<String>,
}

#[derive(Debug)]
struct Read(SourceInfo);

#[async_trait]
impl Source for Read {
    fn info(&self) -> SourceInfo {
        self.0.clone()
    }
    async fn check(&self) -> Result<()> {
        Ok(())
    }
    async fn discover(&self) -> Result<Option<Dataset>> {
        Ok(None)
    }
    async fn plan(&self, _: &Job, _: &Cursor) -> Result<Box<dyn Plan>> {
        Err(Error::new(Kind::Unsupported, "nothing is reached"))
    }
}

#[derive(Debug)]
struct Write(LinesSink);

#[async_trait]
impl Sink for Write {
    fn info(&self) -> SinkInfo {
        SinkInfo {
            identity: format!("{} {}", self.0.path, self.0.password.is_some()),
            holds_cursor: true,
            ops: &[Op::Insert, Op::Update],
            before: false,
            partial: false,
            per_poll: self.0.mode == Mode::Overwrite,
            commit_after: Duration::ZERO,
            commit_within: Duration::MAX,
        }
    }
    async fn check(&self) -> Result<()> {
        Ok(())
    }
    async fn open(&self, _: &Job) -> Result<Opened> {
        Err(Error::new(Kind::Unsupported, "nothing is reached"))
    }
}

fn fields<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, e.to_string()))
}

fn nowhere(_: &str) -> Result<Value> {
    Ok(json!({}))
}

pub(super) static LINES: Connector = Connector {
    name: "lines",
    summary: "lines of text",
    schemes: &["lines"],
    metrics: &[],
    delivery: "exactly once",
    source: Some(SourceEntry {
        schema: || schema_for!(LinesSource),
        build: |value| {
            let LinesSource { path, watch, limit, password } = fields(value)?;
            let password = password.map(|p| p.reveal()).transpose()?.map(|p| p.expose().len());
            let identity = format!("{path} {watch} {limit:?} {password:?}");
            Ok(Arc::new(Read(SourceInfo { identity, ..SourceInfo::default() })))
        },
        from_url: nowhere,
    }),
    sink: Some(SinkEntry {
        schema: || schema_for!(LinesSink),
        build: |value| Ok(Arc::new(Write(fields(value)?))),
        from_url: nowhere,
    }),
};

pub(super) static FLOW: Connector = Connector {
    name: "flow",
    summary: "a stream",
    schemes: &["flow"],
    metrics: &[],
    delivery: "at least once",
    source: Some(SourceEntry {
        schema: || schema_for!(Flow),
        build: |value| {
            let Flow { topic, host } = fields(value)?;
            Ok(Arc::new(Read(SourceInfo { identity: format!("{topic} {host:?}"), streaming: true, ..SourceInfo::default() })))
        },
        from_url: nowhere,
    }),
    sink: None,
};
