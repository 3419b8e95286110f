//! Files that come, and files that grow.
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use tempfile::TempDir;
use thyme_core::{Dataset, Error, Kind, Result, Source, async_trait};
use thyme_file::FileSource;
use thyme_testkit::harness::{Change, Refused, SourceDeclares, SourceFixture, SourceHarness};
use thyme_testkit::rows::{self, Row};

use crate::files::{Columns, Format, arrow, avro, content, parquet};

pub(crate) struct Harness {
    pub(crate) format: Format,
    pub(crate) grows: bool,
}

struct Fixture {
    format: Format,
    grows: bool,
    folder: TempDir,
    columns: Mutex<Columns>,
}

#[async_trait]
impl SourceHarness for Harness {
    fn declares(&self) -> SourceDeclares {
        // A growing CSV file keeps the header it has.
        let drifts = !(self.grows && self.format == Format::Csv);
        // Small files are read 128 together.
        SourceDeclares {
            rows: if self.grows { 800 } else { 400 },
            drifts,
            types: self.format.lacks(),
            ..SourceDeclares::default()
        }
    }

    async fn fixture(&self) -> Result<Box<dyn SourceFixture>> {
        let folder = tempfile::tempdir().unwrap();
        let columns = Mutex::new(Columns::AsTheyWere);
        Ok(Box::new(Fixture { format: self.format, grows: self.grows, folder, columns }))
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Source>>> {
        let connector = Box::new(FileSource::builder().path("a/folder/that/is/not/there.jsonl").build());
        Ok(vec![Refused { name: "a_missing_file", connector, kind: Kind::NotFound }])
    }
}

impl Fixture {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.{}", self.format.extension()))
    }
}

#[async_trait]
impl SourceFixture for Fixture {
    fn source(&self) -> Result<Box<dyn Source>> {
        let path = self.path("*").to_str().unwrap().to_owned();
        Ok(Box::new(FileSource::builder().path(path).build()))
    }

    fn dataset(&self) -> Result<Dataset> {
        rows::dataset("suite")
    }

    /// Two ids a file that grows; else a new file for each row.
    async fn add(&self, rows: &[Row]) -> Result<()> {
        let columns = *self.columns.lock().unwrap();
        let ids = if self.grows { 2 } else { 1 };
        for part in rows.chunk_by(|a, b| a.id / ids == b.id / ids) {
            if self.grows {
                let path = self.path(&format!("{:04}", part[0].id / ids));
                let head = !path.exists();
                let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
                file.write_all(&content(self.format, part, &columns, head)).unwrap();
            } else {
                let path = self.path(&format!("{:04}", part[0].id));
                fs::write(path, content(self.format, part, &columns, true)).unwrap();
            }
        }
        Ok(())
    }

    async fn change(&self, change: Change) -> Result<()> {
        match change {
            Change::AddColumn(_) => *self.columns.lock().unwrap() = Columns::Extra,
            Change::Types(rows) => {
                let content = match self.format {
                    Format::Avro => avro(&rows),
                    Format::Arrow => arrow(&rows),
                    _ => parquet(&rows),
                };
                fs::write(self.path("types"), content).unwrap();
            }
            other => return Err(Error::new(Kind::Unsupported, format!("{other:?}"))),
        }
        Ok(())
    }
}
