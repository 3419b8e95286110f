//! Objects that come.
use std::sync::Mutex;

use serde_json::json;
use thyme_core::{Dataset, Error, Kind, Result, Source, async_trait};
use thyme_testkit::harness::{Change, Refused, SourceDeclares, SourceFixture, SourceHarness};
use thyme_testkit::objects::{self, Program};
use thyme_testkit::rows::{self, Row};

use crate::files::{Columns, Format, content, parquet};
use crate::world::Folder;

pub(crate) struct Harness {
    pub(crate) format: Format,
}

struct Fixture {
    format: Format,
    folder: Folder,
    columns: Mutex<Columns>,
}

#[async_trait]
impl SourceHarness for Harness {
    fn declares(&self) -> SourceDeclares {
        let types = (self.format == Format::Parquet).then_some(NOT_IN_PARQUET);
        // Small objects are read 128 together.
        SourceDeclares { rows: 400, drifts: true, types, ..SourceDeclares::default() }
    }

    fn missing(&self) -> Option<String> {
        Program::s3().map_or_else(|error| Some(error.to_string()), objects::missing)
    }

    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        let columns = Mutex::new(Columns::AsTheyWere);
        Ok(Box::new(Fixture { format: self.format, folder: Folder::new()?, columns }))
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Source>>> {
        let folder = Folder::new()?;
        let refused = |name, extra, kind| Refused::<dyn Source> { name, connector: Box::new(folder.source("*", extra)), kind };
        Ok(vec![
            refused("a_missing_bucket", json!({"bucket_uri": "s3://no-such-bucket/x/*"}), Kind::NotFound),
            refused("a_wrong_secret", json!({"secret": "wrong"}), Kind::Auth),
            refused("an_unknown_key", json!({"access_key": "wrong"}), Kind::Auth),
            refused("a_closed_port", json!({"endpoint_url": "http://127.0.0.1:1"}), Kind::Unavailable),
        ])
    }

    fn secret(&self) -> Result<Option<(Box<dyn Source>, String)>> {
        let source = Folder::new()?.source("*", json!({"secret": "a wrong secret", "session_token": "a token"}));
        Ok(Some((Box::new(source), "a wrong secret".to_owned())))
    }
}

/// Arrow's Parquet has no place for an interval of months, days and nanoseconds.
pub(crate) const NOT_IN_PARQUET: &[&str] = &["interval"];

impl Fixture {
    fn name(&self, name: &str) -> String {
        format!("{name}.{}", self.format.extension())
    }
}

#[async_trait]
impl SourceFixture for Fixture {
    fn source(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(self.folder.source(&self.name("*"), json!({}))))
    }

    fn dataset(&self) -> Result<Dataset> {
        rows::dataset("suite")
    }

    /// A new object for each row.
    async fn add(&self, rows: &[Row]) -> Result<()> {
        let columns = *self.columns.lock().unwrap();
        let mut puts = tokio::task::JoinSet::new();
        for row in rows {
            let content = content(self.format, std::slice::from_ref(row), &columns);
            let (folder, name) = (self.folder.clone(), self.name(&format!("{:04}", row.id)));
            puts.spawn(async move { folder.put(&name, content).await });
        }
        puts.join_all().await;
        Ok(())
    }

    async fn change(&self, change: Change) -> Result<()> {
        match change {
            Change::AddColumn(_) => *self.columns.lock().unwrap() = Columns::Extra,
            Change::Types(rows) => self.folder.put(&self.name("types"), parquet(&rows)).await,
            other => return Err(Error::new(Kind::Unsupported, format!("{other:?}"))),
        }
        Ok(())
    }
}
