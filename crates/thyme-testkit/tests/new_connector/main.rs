//! A connector written by a stranger, and its proof.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]
use std::io::Write;

use source::TsvFolder;
use tempfile::TempDir;
use thyme_core::{Dataset, Error, Kind, Result, Source, async_trait, field_type};
use thyme_testkit::Suite;
use thyme_testkit::harness::{Refused, SourceFixture, SourceHarness};
use thyme_testkit::rows::Row;

mod source;

struct Tsv;

struct Folder(TempDir);

#[async_trait]
impl SourceHarness for Tsv {
    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        Ok(Box::new(Folder(tempfile::tempdir().map_err(|e| Error::new(Kind::Unavailable, "no folder").source(e))?)))
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Source>>> {
        let connector = Box::new(TsvFolder { path: "a/folder/that/is/not/there".into() });
        Ok(vec![Refused { name: "a_missing_folder", connector, kind: Kind::NotFound }])
    }
}

#[async_trait]
impl SourceFixture for Folder {
    fn source(&self) -> Result<Box<dyn Source>> {
        Ok(Box::new(TsvFolder { path: self.0.path().to_owned() }))
    }

    fn dataset(&self) -> Result<Dataset> {
        let fields = vec![field_type::parse("id", "int64!")?, field_type::parse("text", "string")?];
        Dataset::new("tsv", std::sync::Arc::new(thyme_core::arrow::datatypes::Schema::new(fields)))
    }

    async fn add(&self, rows: &[Row]) -> Result<()> {
        for row in rows {
            let path = self.0.path().join(format!("{:02}.tsv", row.id / 25));
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            writeln!(file, "{}\t{}", row.id, row.text).unwrap();
        }
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    thyme_testkit::main([Suite::new("tsv").source(Tsv)])
}
