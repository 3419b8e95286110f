//! Conveniences on top of sources and sinks, for programs that need no engine.
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};

use crate::{Batch, Cursor, Dataset, Error, Job, Kind, Plan, Reader, Result, Sink, SinkInfo, Source, SplitId, Task};

/// Reading without an engine: no cursor is kept, nothing is acknowledged.
#[async_trait]
pub trait SourceExt: Source {
    /// All of it, split after split, to the end of what is there now.
    ///
    /// # Errors
    /// As [`Source::discover`] and [`Source::plan`]; `Schema` when only the user can say what the columns are.
    async fn read(&self) -> Result<BoxStream<'static, Result<Batch>>> {
        self.read_from(None).await
    }

    /// The same of a table, in the order of the cursor column `cursor`.
    ///
    /// # Errors
    /// As [`SourceExt::read`].
    async fn read_stream(&self, cursor: &str) -> Result<BoxStream<'static, Result<Batch>>> {
        self.read_from(Some(cursor.to_owned())).await
    }

    /// What both of them do.
    #[doc(hidden)]
    async fn read_from(&self, cursor: Option<String>) -> Result<BoxStream<'static, Result<Batch>>> {
        let dataset = self.discover().await?;
        let dataset = dataset.ok_or_else(|| {
            Error::new(Kind::Schema, "the source does not know its columns; run it in a pipeline with a dataset")
                .context("source", self.info().identity)
        })?;
        let job = Job { cursor, once: true, ..Job::new(Task::alone("read"), Arc::new(dataset)) };
        let plan = self.plan(&job, &Cursor::start(self.info().identity)).await?;
        Ok(batches(plan))
    }
}

impl<S: Source + ?Sized> SourceExt for S {}

struct Reading {
    plan: Box<dyn Plan>,
    reader: Option<(SplitId, Box<dyn Reader>)>,
    cursor: Cursor,
}

/// Batches of one split after another. An ended split is acknowledged to the plan, so that its children open.
fn batches(plan: Box<dyn Plan>) -> BoxStream<'static, Result<Batch>> {
    let reading = Reading { plan, reader: None, cursor: Cursor::default() };
    let next = |mut at: Reading| async move {
        match at.next().await {
            Ok(None) => Ok(None),
            Ok(Some(batch)) => Ok(Some((batch, at))),
            Err(error) => Err(error),
        }
    };
    Pin::from(Box::new(stream::try_unfold(reading, next))).boxed()
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            let Some((split, reader)) = &mut self.reader else {
                let Some(split) = self.plan.next().await? else { return Ok(None) };
                let reader = self.plan.reader(&split, None).await?;
                self.reader = Some((split, reader));
                continue;
            };
            if let Some(batch) = reader.next().await? {
                self.cursor.splits.insert(Arc::clone(split), batch.position.clone());
                return Ok(Some(batch));
            }
            let ended = [Arc::clone(split)];
            self.reader = None;
            self.plan.fold(&mut self.cursor);
            self.plan.ack(&self.cursor, &ended).await?;
        }
    }
}

/// Writing without an engine.
#[async_trait]
pub trait SinkExt: Sink {
    /// Writes `batches`, which have the same columns, as one commit, and returns how many rows there were.
    ///
    /// # Errors
    /// As [`Sink::open`] and the writer; `Data` for the first row refused: then nothing is written.
    async fn write(&self, batches: Vec<Batch>) -> Result<usize> {
        let Some(first) = batches.first() else { return Ok(0) };
        let dataset = Dataset::new("write", first.rows.schema())?;
        let job = Job::new(Task::alone("write"), Arc::new(dataset));
        let opened = self.open(&job).await?;
        let (mut writer, mut cursor) = (opened.writer, opened.cursor.unwrap_or_else(|| Cursor::start("write")));
        let mut rows = 0;
        for batch in batches {
            accepts(&self.info(), &batch)?;
            let staged = writer.stage(&batch).await?;
            if let Some(reject) = staged.rejects.first() {
                return Err(Error::new(Kind::Data, reject.reason.clone()).context("row", rows + reject.row.unwrap_or_default()));
            }
            rows += batch.rows.num_rows();
        }
        cursor.seq += 1;
        writer.commit(&cursor).await?;
        Ok(rows)
    }
}

impl<S: Sink + ?Sized> SinkExt for S {}

fn accepts(info: &SinkInfo, batch: &Batch) -> Result<()> {
    match batch.ops.outside(info.ops) {
        None => Ok(()),
        Some(op) => {
            Err(Error::new(Kind::Unsupported, format!("the sink can't write a {}", op.name())).context("sink", &info.identity))
        }
    }
}
