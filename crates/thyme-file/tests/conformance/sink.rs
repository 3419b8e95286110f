//! Files written exactly once.
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::reader::FileReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use thyme_core::arrow::array::{RecordBatch, new_null_array};
use thyme_core::arrow::datatypes::{Field, Schema};
use thyme_core::arrow::select::concat::concat_batches;
use thyme_core::{Dataset, Error, Job, Kind, Result, Sink, Task, async_trait};
use thyme_file::{FileFormat, FileMode, FileSink, FileSource, RollConfig};
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::harness::{Refused, SinkDeclares, SinkFixture, SinkHarness};

use crate::files::{Format, visible};

#[derive(Clone, Copy)]
pub(crate) struct Harness {
    pub(crate) format: Format,
    pub(crate) overwrite: bool,
    /// Commits have several files.
    pub(crate) rolled: bool,
}

struct Fixture {
    harness: Harness,
    path: PathBuf,
    /// Removes the folder; the other process has none.
    _folder: Option<TempDir>,
}

#[async_trait]
impl SinkHarness for Harness {
    fn declares(&self) -> SinkDeclares {
        SinkDeclares { types: self.format.lacks(), ..SinkDeclares::default() }
    }

    async fn fixture(&self) -> Result<Box<dyn SinkFixture>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        Ok(Box::new(Fixture { harness: *self, path, _folder: Some(folder) }))
    }

    fn points(&self) -> &'static [&'static str] {
        &["file.before_sync", "file.before_intent", "file.after_intent", "file.after_rename", "file.after_settle"]
    }

    fn again(&self, place: &str) -> Result<Box<dyn SinkFixture>> {
        Ok(Box::new(Fixture { harness: *self, path: place.into(), _folder: None }))
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Sink>>> {
        let connector = Box::new(FileSink::builder().path("s3://bucket/prefix").build());
        Ok(vec![Refused { name: "a_cloud_url", connector, kind: Kind::Config }])
    }
}

#[async_trait]
impl SinkFixture for Fixture {
    fn sink(&self) -> Result<Box<dyn Sink>> {
        let Harness { format, overwrite, rolled } = self.harness;
        let format = match format {
            Format::Jsonl => FileFormat::Jsonl,
            Format::Csv => FileFormat::Csv,
            Format::Parquet => FileFormat::Parquet,
            Format::Avro => FileFormat::Avro,
            Format::Arrow => FileFormat::Arrow,
        };
        let sink = FileSink::builder().path(self.path.to_str().unwrap()).format(format);
        let sink = sink.mode(if overwrite { FileMode::Overwrite } else { FileMode::Append });
        let roll = if rolled { RollConfig::builder().rows(1_000).build() } else { RollConfig::default() };
        Ok(Box::new(sink.roll(roll).build()))
    }

    fn place(&self) -> Option<String> {
        self.path.to_str().map(str::to_owned)
    }

    async fn dump(&self, dataset: &Dataset) -> Result<RecordBatch> {
        let mut parts = Vec::new();
        for path in visible(&self.path)? {
            match self.harness.format {
                Format::Parquet => parts.extend(parquet(&path, dataset)?),
                Format::Arrow => parts.extend(arrow(&path, dataset)?),
                _ => parts.extend(text(&path, dataset).await?),
            }
        }
        Ok(concat_batches(dataset.columns(), &parts).unwrap())
    }
}

/// A file by the parquet crate.
fn parquet(path: &Path, dataset: &Dataset) -> Result<Vec<RecordBatch>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).and_then(|builder| builder.build());
    let reader = reader.map_err(|e| Error::new(Kind::Data, "not a whole parquet file").source(e))?;
    Ok(reader.map(|rows| widened(&rows.unwrap(), dataset)).collect())
}

/// A file by the arrow-ipc crate.
fn arrow(path: &Path, dataset: &Dataset) -> Result<Vec<RecordBatch>> {
    let reader = FileReader::try_new(File::open(path).unwrap(), None);
    let reader = reader.map_err(|e| Error::new(Kind::Data, "not a whole arrow file").source(e))?;
    Ok(reader.map(|rows| widened(&rows.unwrap(), dataset)).collect())
}

/// A file by our own source, which the suite proves against others.
async fn text(path: &Path, dataset: &Dataset) -> Result<Vec<RecordBatch>> {
    let source = FileSource::builder().path(path.to_str().unwrap()).build();
    let mut narrower = dataset.clone();
    loop {
        let mut job = Job::new(Task::alone("dump"), Arc::new(narrower.clone()));
        job.once = true;
        let mut durable = Durable::default();
        match drive::run(&source, &job, &mut durable, How::default()).await {
            Ok(_) if durable.rejects.is_empty() => {
                return Ok(durable.landed.iter().map(|landed| widened(&landed.rows, dataset)).collect());
            }
            Ok(_) => return Err(Error::new(Kind::Data, durable.rejects[0].reason.clone())),
            // A file that is older than one of the columns.
            Err(error) if error.as_drift().is_some_and(|drift| !drift.removed.is_empty()) => {
                let removed = &error.as_drift().unwrap().removed;
                let kept = dataset.schema().fields().iter().filter(|field| !removed.contains(field.name())).cloned();
                narrower = Dataset::new(dataset.name(), Arc::new(Schema::new(kept.collect::<Vec<_>>())))?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The rows with all columns of `dataset`; what they leave out is null.
fn widened(rows: &RecordBatch, dataset: &Dataset) -> RecordBatch {
    let column = |field: &Arc<Field>| {
        let found = rows.column_by_name(field.name()).cloned();
        found.unwrap_or_else(|| new_null_array(field.data_type(), rows.num_rows()))
    };
    RecordBatch::try_new(Arc::clone(dataset.columns()), dataset.columns().fields().iter().map(column).collect()).unwrap()
}
