use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, json};

use super::*;
use crate::{Cursor, Dataset, Error, Job, Kind, Plan, SourceInfo, async_trait};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[schemars(extend("x-path" = true))]
    path: String,
    #[serde(default)]
    header: Option<bool>,
}

#[derive(Debug)]
struct Lines(Fields);

#[async_trait]
impl Source for Lines {
    fn info(&self) -> SourceInfo {
        SourceInfo { identity: format!("{} {:?}", self.0.path, self.0.header), ..SourceInfo::default() }
    }
    async fn check(&self) -> Result<()> {
        Ok(())
    }
    async fn discover(&self) -> Result<Option<Dataset>> {
        Ok(None)
    }
    async fn plan(&self, _: &Job, _: &Cursor) -> Result<Box<dyn Plan>> {
        Ok(crate::fixed::plan(Vec::<String>::new(), |_, _| Err::<Never, _>(Error::new(Kind::Unsupported, "nothing to read"))))
    }
}

struct Never;

#[async_trait]
impl crate::Reader for Never {
    async fn next(&mut self) -> Result<Option<crate::Batch>> {
        Ok(None)
    }
}

static LINES: Connector = Connector {
    name: "lines",
    summary: "lines of text",
    schemes: &["file", "-"],
    metrics: &[],
    delivery: "exactly once",
    source: Some(SourceEntry {
        schema: || schema_for!(Fields),
        build: |value| {
            let fields: Fields = serde_json::from_value(value).map_err(|e| Error::new(Kind::Config, e.to_string()))?;
            Ok(Arc::new(Lines(fields)))
        },
        from_url: |url| Ok(json!({"path": percent_decode(url.trim_start_matches("file:"))?})),
    }),
    sink: None,
};

fn identity(url: &str, overrides: Value) -> String {
    let overrides = overrides.as_object().cloned().unwrap_or_default();
    match Registry::new(&[&LINES]).create_source(url, overrides) {
        Ok(source) => source.info().identity,
        Err(e) => e.to_string(),
    }
}

#[test]
fn connection_strings() {
    assert_eq!(identity("file:/a/*.csv?header=true", json!({})), "/a/*.csv Some(true)");
    assert_eq!(identity("file:/a/b%3F.csv?header=true", json!({"header": false})), "/a/b?.csv Some(false)");
    assert_eq!(identity("/a/b?header", json!({})), "/a/b Some(true)");
    assert_eq!(identity("-", json!({})), "- None");
    let here = std::env::current_dir().unwrap().join("a.csv");
    assert_eq!(identity("file:a.csv", json!({})), format!("{} None", here.display()));
    assert_eq!(
        identity("file:/a?heder=1&header=maybe", json!({})),
        "source.header: expected true or false, found text; source.heder: unknown field `heder`; did you mean `header`?"
    );
    assert!(identity("file:/a?path=/b", json!({})).contains("given twice"));
    assert!(identity("file:/a%zz", json!({})).contains("hexadecimal"));
    assert!(identity("", json!({})).contains("is empty"));
}

#[test]
fn what_is_not_there_is_named() {
    let later = "connection string: the connector `gcs` is not part of this release; compiled in: lines";
    assert_eq!(identity("gs://bucket/a", json!({})), later);
    let registry = Registry::new(&[&LINES]);
    let problem = registry.find("liness", "pipeline.a.source.type").unwrap_err();
    assert_eq!(
        problem.to_string(),
        "pipeline.a.source.type: unknown connector `liness`; did you mean `lines`? compiled in: lines"
    );
    let problem = registry.find("kafka", "x").unwrap_err();
    assert_eq!(problem.message, "the connector `kafka` is not part of this release");
    let error = registry.create_sink("file:/a", Map::new()).unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Unsupported, "`lines` can only be read, not written"));
    static MINE: Connector =
        Connector { summary: "mine", name: "lines", schemes: &[], metrics: &[], delivery: "", source: None, sink: None };
    let registry = registry.with(&MINE);
    assert_eq!(registry.connectors().map(|c| c.summary).collect::<Vec<_>>(), ["mine"]);
}
