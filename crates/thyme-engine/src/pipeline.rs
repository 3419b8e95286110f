//! One source, one sink, and what the user decided about the way between them.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thyme_core::{Batch, Cdc, Dataset, Error, Job, Kind, Record, Result, Schedule, Sink, Source, Task};

use crate::map::{self, Maps};
use crate::{CommitPolicy, FromTimestamp, Late, Mistake, OnCursorLost, OnDrift, OnError, RetryPolicy, rules};

/// One source, one sink, and what the user decided about the way between them. Made by [`Pipeline::builder`] or
/// [`Pipeline::dynamic`]; run by [`Pipeline::run`] or an [`Engine`](crate::Engine).
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) name: Arc<str>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) settings: Settings,
    /// `None`: the source is a stream.
    pub(crate) schedule: Option<Schedule>,
}

/// What the user decided.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// The declared columns: a projection of the source.
    pub(crate) dataset: Option<Arc<Dataset>>,
    pub(crate) key: Vec<String>,
    pub(crate) timestamp: Option<String>,
    pub(crate) cursor: Option<String>,
    pub(crate) max_lateness: Option<Duration>,
    pub(crate) late: Late,
    pub(crate) cdc: Cdc,
    pub(crate) on_error: OnError,
    pub(crate) on_drift: OnDrift,
    pub(crate) on_cursor_lost: OnCursorLost,
    pub(crate) from: Option<FromTimestamp>,
    pub(crate) commit: CommitPolicy,
    pub(crate) retry: RetryPolicy,
    pub(crate) maps: Maps,
}

impl Pipeline {
    /// A pipeline of typed rows: the dataset is that of `T`.
    pub fn builder<T: Record>(name: impl Into<String>) -> PipelineBuilder {
        let mut builder = Self::dynamic(name);
        match T::dataset() {
            Ok(dataset) => builder.settings.dataset = Some(Arc::new(dataset)),
            Err(error) => builder.mistake("dataset", error.to_string()),
        }
        builder
    }

    /// A pipeline whose columns the source knows, or [`PipelineBuilder::dataset`] says.
    pub fn dynamic(name: impl Into<String>) -> PipelineBuilder {
        PipelineBuilder {
            name: name.into(),
            source: None,
            sink: None,
            settings: Settings::default(),
            every: None,
            schedule: None,
            timezone: None,
            mistakes: Vec::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it reads.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// What it writes.
    #[must_use]
    pub fn sink(&self) -> &Arc<dyn Sink> {
        &self.sink
    }

    /// The declared dataset, if it is not left to the source.
    #[must_use]
    pub fn dataset(&self) -> Option<&Arc<Dataset>> {
        self.settings.dataset.as_ref()
    }

    /// What its source is told when it reads `dataset`, as far as the user decided it.
    #[must_use]
    pub fn job(&self, dataset: Arc<Dataset>) -> Job {
        Job {
            cursor: self.settings.cursor.clone(),
            cdc: self.settings.cdc,
            once: matches!(self.schedule, Some(Schedule::Once)),
            ..Job::new(Task::alone(Arc::clone(&self.name)), dataset)
        }
    }

    /// Runs it alone, with its state in `./.thyme`, until it ends or fails for good.
    ///
    /// # Errors
    /// Whatever ended it; `Conflict` when another process runs it.
    pub async fn run(self) -> Result<crate::Summary> {
        let engine = crate::Engine::builder().build()?;
        let mut outcomes = engine.run(vec![self], tokio_util::sync::CancellationToken::new()).await;
        match outcomes.pop() {
            Some(crate::Outcome { error: Some(error), .. }) => Err(error),
            Some(outcome) => Ok(outcome.summary),
            None => Err(Error::new(Kind::Unexpected, "the pipeline left no outcome")),
        }
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("name", &self.name).field("source", &self.source).field("sink", &self.sink).finish()
    }
}

/// Makes a [`Pipeline`]. Mistakes are kept until [`PipelineBuilder::build`], which names all of them.
#[derive(Clone)]
#[must_use]
pub struct PipelineBuilder {
    pub(crate) name: String,
    pub(crate) source: Option<Arc<dyn Source>>,
    pub(crate) sink: Option<Arc<dyn Sink>>,
    pub(crate) settings: Settings,
    pub(crate) every: Option<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) mistakes: Vec<Mistake>,
}

impl PipelineBuilder {
    /// What is read.
    pub fn source<As>(self, source: impl IntoSource<As>) -> Self {
        Self { source: Some(source.into_source()), ..self }
    }

    /// What is written.
    pub fn sink<As>(self, sink: impl IntoSink<As>) -> Self {
        Self { sink: Some(sink.into_sink()), ..self }
    }

    /// The columns to read: a projection. Whatever else the source has is left out, and is no drift.
    pub fn dataset(self, dataset: Dataset) -> Self {
        self.with(|s| s.dataset = Some(Arc::new(dataset)))
    }

    /// The key fields, where the columns are left to the source.
    pub fn key(self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(|s| s.key = fields.into_iter().map(Into::into).collect())
    }

    /// The event-time field, where the columns are left to the source.
    pub fn timestamp(self, field: impl Into<String>) -> Self {
        self.with(|s| s.timestamp = Some(field.into()))
    }

    /// The cursor column of a polling table.
    pub fn cursor(self, column: impl Into<String>) -> Self {
        self.with(|s| s.cursor = Some(column.into()))
    }

    /// Polls this often: an integer and one of `ms` `s` `m` `h` `d`.
    pub fn every(self, interval: impl Into<String>) -> Self {
        Self { every: Some(interval.into()), ..self }
    }

    /// Polls by `@auto`, `@once`, or a five-field cron expression.
    pub fn schedule(self, schedule: impl Into<String>) -> Self {
        Self { schedule: Some(schedule.into()), ..self }
    }

    /// The time zone of a cron expression, an IANA name; UTC without it.
    pub fn timezone(self, zone: impl Into<String>) -> Self {
        Self { timezone: Some(zone.into()), ..self }
    }

    /// How much older than the watermark an event may be: an integer and one of `ms` `s` `m` `h` `d`.
    pub fn max_lateness(mut self, lateness: impl AsRef<str>) -> Self {
        match thyme_core::duration::parse(lateness.as_ref()) {
            Ok(lateness) => self.settings.max_lateness = Some(lateness),
            Err(error) => self.mistake("max_lateness", error.to_string()),
        }
        self
    }

    /// What happens to an event that is too late.
    pub fn late(self, late: Late) -> Self {
        self.with(|s| s.late = late)
    }

    /// What the rows mean.
    pub fn cdc(self, cdc: Cdc) -> Self {
        self.with(|s| s.cdc = cdc)
    }

    /// What happens to a record that can't be decoded or written.
    pub fn on_error(self, on_error: OnError) -> Self {
        self.with(|s| s.on_error = on_error)
    }

    /// What happens when the source has more columns.
    pub fn on_drift(self, on_drift: OnDrift) -> Self {
        self.with(|s| s.on_drift = on_drift)
    }

    /// What happens when the position to go on from is gone.
    pub fn on_cursor_lost(self, on_cursor_lost: OnCursorLost) -> Self {
        self.with(|s| s.on_cursor_lost = on_cursor_lost)
    }

    /// Where to begin: an instant, or a column whose newer rows are taken.
    pub fn from_timestamp(self, from: impl Into<FromTimestamp>) -> Self {
        self.with(|s| s.from = Some(from.into()))
    }

    /// When to commit; what is not said is the sink's to wish.
    pub fn commit(self, commit: CommitPolicy) -> Self {
        self.with(|s| s.commit = commit)
    }

    /// How to try again.
    pub fn retry(self, retry: RetryPolicy) -> Self {
        self.with(|s| s.retry = retry)
    }

    /// Passes each batch with rows through `f`, which keeps the columns; rows may become more or fewer.
    pub fn map(self, f: impl Fn(Batch) -> Result<Batch> + Send + Sync + 'static) -> Self {
        self.with(|s| s.maps.push(Arc::new(f), None))
    }

    /// Passes each batch with rows through `f`, which makes the columns of `to`.
    pub fn map_to(self, to: Dataset, f: impl Fn(Batch) -> Result<Batch> + Send + Sync + 'static) -> Self {
        self.with(|s| s.maps.push(Arc::new(f), Some(Arc::new(to))))
    }

    /// Makes any number of typed rows of each (`Ok(Some(row))`, `Ok(vec![…])`), which are what the sink gets.
    pub fn map_rows<T, U, I>(mut self, f: impl Fn(T) -> Result<I> + Send + Sync + 'static) -> Self
    where
        T: Record,
        U: Record,
        I: IntoIterator<Item = U>,
    {
        match U::dataset() {
            Ok(to) => self.settings.maps.push(map::typed::<T, U, I>(f), Some(Arc::new(to))),
            Err(error) => self.mistake("map_rows", error.to_string()),
        }
        self
    }

    /// Every rule it breaks that can be seen without reaching anything.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        rules::check(self).1
    }

    /// The pipeline.
    ///
    /// # Errors
    /// `Config` naming every mistake.
    pub fn build(self) -> Result<Pipeline> {
        let (schedule, mistakes) = rules::check(&self);
        match (self.source, self.sink) {
            (Some(source), Some(sink)) if mistakes.is_empty() => {
                Ok(Pipeline { name: self.name.into(), source, sink, settings: self.settings, schedule })
            }
            _ => Err(rules::error(&self.name, &mistakes)),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn mistake(&mut self, field: &'static str, message: String) {
        self.mistakes.push(Mistake { field, message, kind: Kind::Config });
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Tells what is handed over as such from what is shared.
#[derive(Debug)]
pub struct Owned;

/// Tells what is shared from what is handed over as such.
#[derive(Debug)]
pub struct Shared;

/// A source, or a shared one.
pub trait IntoSource<As> {
    /// As a shared one.
    fn into_source(self) -> Arc<dyn Source>;
}

impl<S: Source + 'static> IntoSource<Owned> for S {
    fn into_source(self) -> Arc<dyn Source> {
        Arc::new(self)
    }
}

impl IntoSource<Shared> for Arc<dyn Source> {
    fn into_source(self) -> Arc<dyn Source> {
        self
    }
}

/// A sink, or a shared one.
pub trait IntoSink<As> {
    /// As a shared one.
    fn into_sink(self) -> Arc<dyn Sink>;
}

impl<S: Sink + 'static> IntoSink<Owned> for S {
    fn into_sink(self) -> Arc<dyn Sink> {
        Arc::new(self)
    }
}

impl IntoSink<Shared> for Arc<dyn Sink> {
    fn into_sink(self) -> Arc<dyn Sink> {
        self
    }
}
