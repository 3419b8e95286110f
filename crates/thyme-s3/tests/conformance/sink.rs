//! Objects written exactly once.
use std::sync::Arc;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use thyme_core::arrow::array::{RecordBatch, new_null_array};
use thyme_core::arrow::datatypes::{Field, Schema};
use thyme_core::arrow::select::concat::concat_batches;
use thyme_core::{Dataset, Error, Job, Kind, Result, Sink, Task, async_trait};
use thyme_testkit::drive::{self, Durable, How};
use thyme_testkit::harness::{Refused, SinkDeclares, SinkFixture, SinkHarness};
use thyme_testkit::objects::{self, Program};

use crate::files::Format;
use crate::source::NOT_IN_PARQUET;
use crate::world::Folder;

#[derive(Clone, Copy)]
pub(crate) struct Harness {
    pub(crate) format: Format,
    pub(crate) overwrite: bool,
    /// Commits have several files.
    pub(crate) rolled: bool,
}

struct Fixture {
    harness: Harness,
    folder: Folder,
}

#[async_trait]
impl SinkHarness for Harness {
    fn declares(&self) -> SinkDeclares {
        let types = (self.format == Format::Parquet).then_some(NOT_IN_PARQUET);
        SinkDeclares { types, ..SinkDeclares::default() }
    }

    fn missing(&self) -> Option<String> {
        Program::s3().map_or_else(|error| Some(error.to_string()), objects::missing)
    }

    async fn fixture(&self) -> Result<Box<dyn SinkFixture>> {
        Ok(Box::new(Fixture { harness: *self, folder: Folder::new()? }))
    }

    fn points(&self) -> &'static [&'static str] {
        if !self.rolled {
            // The log is the same, and here it has one object a commit.
            return &[];
        }
        &[
            "file.before_sync",
            "file.before_intent",
            "file.after_intent",
            "object.after_copy",
            "file.after_rename",
            "file.after_settle",
        ]
    }

    fn again(&self, place: &str) -> Result<Box<dyn SinkFixture>> {
        Ok(Box::new(Fixture { harness: *self, folder: Folder::of(place)? }))
    }

    fn refused(&self) -> Result<Vec<Refused<dyn Sink>>> {
        let folder = Folder::new()?;
        let refused = |name, extra, kind| Refused::<dyn Sink> { name, connector: Box::new(folder.sink("out", extra)), kind };
        Ok(vec![
            refused("a_missing_bucket", json!({"bucket_uri": "s3://no-such-bucket/x"}), Kind::NotFound),
            refused("a_wrong_secret", json!({"secret": "wrong"}), Kind::Auth),
            refused("a_pattern", json!({"bucket_uri": "s3://bucket/*.parquet"}), Kind::Config),
        ])
    }

    fn secret(&self) -> Result<Option<(Box<dyn Sink>, String)>> {
        Ok(Some((Box::new(Folder::new()?.sink("out", json!({"secret": "a wrong secret"}))), "a wrong secret".to_owned())))
    }
}

#[async_trait]
impl SinkFixture for Fixture {
    fn sink(&self) -> Result<Box<dyn Sink>> {
        let Harness { format, overwrite, rolled } = self.harness;
        let format = match format {
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
        };
        let mut config = json!({"format": format, "mode": if overwrite { "overwrite" } else { "append" }});
        if rolled {
            config["roll"] = json!({"rows": 1000});
        }
        Ok(Box::new(self.folder.sink("out", config)))
    }

    fn place(&self) -> Option<String> {
        Some(self.folder.place())
    }

    async fn dump(&self, dataset: &Dataset) -> Result<RecordBatch> {
        let mut parts = Vec::new();
        for name in self.folder.visible().await {
            match self.harness.format {
                Format::Parquet => parts.extend(parquet(self.folder.get(&name).await, dataset)?),
                _ => parts.extend(text(&self.folder, &name, dataset).await?),
            }
        }
        Ok(concat_batches(dataset.columns(), &parts).unwrap())
    }
}

/// An object by the parquet crate.
fn parquet(bytes: Vec<u8>, dataset: &Dataset) -> Result<Vec<RecordBatch>> {
    let bytes = thyme_core::bytes::Bytes::from(bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
    let reader = reader.map_err(|e| Error::new(Kind::Data, "not a whole parquet object").source(e))?;
    Ok(reader.map(|rows| widened(&rows.unwrap(), dataset)).collect())
}

/// An object by our own source, which the suite proves against others.
async fn text(folder: &Folder, name: &str, dataset: &Dataset) -> Result<Vec<RecordBatch>> {
    let source = folder.source(name, json!({}));
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
            // An object that is older than one of the columns.
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
