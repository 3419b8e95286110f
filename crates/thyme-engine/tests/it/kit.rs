//! A source and a sink that do what a test tells them.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, cast::AsArray};
use thyme_core::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use thyme_core::bytes::Bytes;
use thyme_core::drift::Drift;
use thyme_core::{
    Batch, Cursor, Dataset, Error, Job, Kind, Op, Opened, Place, Plan, Position, Reader, Reject, Result, Retry, Sink, SinkInfo,
    Source, SourceInfo, SplitId, Staged, Task, Writer, async_trait, field_type,
};
use thyme_engine::{Engine, Outcome, Pipeline, PipelineBuilder};
use tokio_util::sync::CancellationToken;

/// `id`, `name`, and the event time `at`.
pub(crate) fn dataset() -> Dataset {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("at", field_type::timestamp(), true),
    ];
    Dataset::new("rows", Arc::new(Schema::new(fields))).unwrap().with_timestamp("at").unwrap()
}

/// A row; `id` None is null. The event time is in seconds.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Row(Option<i64>, i64),
    /// A record that does not decode, and whether it does when it is read again.
    Bad(String),
    /// The reader fails.
    Fail(fn() -> Error),
    /// A row with a column that the dataset does not have.
    Wide(i64),
}

pub(crate) fn rows(ids: impl IntoIterator<Item = i64>) -> Vec<Item> {
    ids.into_iter().map(|id| Item::Row(Some(id), id)).collect()
}

/// A source of splits with items; a position is how many items of the split were read.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) info: SourceInfo,
    pub(crate) state: Arc<Mutex<FeedState>>,
    pub(crate) batch: usize,
    /// Ends only when it is stopped.
    pub(crate) endless: bool,
}

#[derive(Debug, Default)]
pub(crate) struct FeedState {
    pub(crate) splits: BTreeMap<String, Vec<Item>>,
    pub(crate) acks: Vec<Cursor>,
    pub(crate) polls: Vec<tokio::time::Instant>,
    pub(crate) looked: u64,
    /// Records that decode now.
    pub(crate) mended: bool,
    /// What the first poll leaves to the second, and after how long.
    pub(crate) put_off: Option<(Duration, Vec<Item>)>,
    /// A poll can't be gone on with from midway.
    pub(crate) whole: bool,
    /// Positions above 0 are gone.
    pub(crate) lost: bool,
    pub(crate) started: Vec<Option<thyme_core::Start>>,
}

impl Feed {
    pub(crate) fn new(items: Vec<Item>) -> Self {
        Self::splits([("a", items)])
    }

    pub(crate) fn splits<const N: usize>(splits: [(&str, Vec<Item>); N]) -> Self {
        let splits = splits.into_iter().map(|(name, items)| (name.to_owned(), items)).collect();
        let state = FeedState { splits, ..FeedState::default() };
        let info = SourceInfo { identity: "feed".into(), ..SourceInfo::default() };
        Self { info, state: Arc::new(Mutex::new(state)), batch: 2, endless: false }
    }

    pub(crate) fn streaming(mut self) -> Self {
        self.info.streaming = true;
        self
    }

    pub(crate) fn batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    pub(crate) fn whole(self) -> Self {
        self.state.lock().unwrap().whole = true;
        self
    }

    pub(crate) fn push(&self, split: &str, items: Vec<Item>) {
        self.state.lock().unwrap().splits.entry(split.to_owned()).or_default().extend(items);
    }
}

#[async_trait]
impl Source for Feed {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        Ok(Some(dataset()))
    }

    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        let mut state = self.state.lock().unwrap();
        state.polls.push(tokio::time::Instant::now());
        state.started.push(job.start);
        if std::mem::take(&mut state.lost) && !from.splits.is_empty() {
            return Err(Error::new(Kind::CursorLost, "expired"));
        }
        if state.polls.len() > 1
            && let Some((_, items)) = state.put_off.take()
        {
            state.splits.entry("a".to_owned()).or_default().extend(items);
        }
        let splits = state.splits.keys().map(|name| name.as_str().into()).collect::<Vec<SplitId>>();
        let splits = splits.into_iter().rev().collect();
        Ok(Box::new(FeedPlan { feed: self.clone(), job: job.clone(), splits }))
    }

    async fn decode(&self, job: &Job, records: &[Reject]) -> Result<Batch> {
        let mended = self.state.lock().unwrap().mended;
        let mut batch = make(&job.dataset, &[], 0);
        if mended {
            let items: Vec<_> =
                records.iter().map(|r| text(r).parse().map_or(Item::Row(None, 0), |id| Item::Row(Some(id), id))).collect();
            batch = make(&job.dataset, &items, 0);
        } else {
            batch.rejects = records.to_vec();
        }
        Ok(batch)
    }
}

fn text(reject: &Reject) -> String {
    String::from_utf8_lossy(reject.payload.as_ref().unwrap()).trim_start_matches("bad ").to_owned()
}

struct FeedPlan {
    feed: Feed,
    job: Job,
    splits: Vec<SplitId>,
}

#[async_trait]
impl Plan for FeedPlan {
    async fn next(&mut self) -> Result<Option<SplitId>> {
        if let Some(split) = self.splits.pop() {
            return Ok(Some(split));
        }
        if !self.feed.endless {
            return Ok(None);
        }
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.feed.state.lock().unwrap().looked += 1;
        }
    }

    async fn reader(&mut self, split: &SplitId, from: Option<&Position>) -> Result<Box<dyn Reader>> {
        let at = from.map_or(Ok(0), Position::get)?;
        let (feed, job) = (self.feed.clone(), self.job.clone());
        Ok(Box::new(FeedReader { feed, job, split: split.to_string(), at }))
    }

    fn later(&self) -> Option<Duration> {
        self.feed.state.lock().unwrap().put_off.as_ref().map(|(wait, _)| *wait)
    }

    fn whole(&self) -> bool {
        self.feed.state.lock().unwrap().whole
    }

    async fn ack(&mut self, cursor: &Cursor, _: &[SplitId]) -> Result<()> {
        self.feed.state.lock().unwrap().acks.push(cursor.clone());
        Ok(())
    }
}

struct FeedReader {
    feed: Feed,
    job: Job,
    split: String,
    at: usize,
}

#[async_trait]
impl Reader for FeedReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            let items = {
                let mut state = self.feed.state.lock().unwrap();
                let all = state.splits.get_mut(&self.split).unwrap();
                if let Some(Item::Fail(error)) = all.get(self.at).cloned() {
                    all.remove(self.at);
                    return Err(error());
                }
                let wide = self.job.report_drift && self.job.dataset.field("extra").is_none();
                let stops = |item: &Item| matches!(item, Item::Fail(_)) || (wide && matches!(item, Item::Wide(_)));
                all.iter().skip(self.at).take(self.feed.batch).take_while(|item| !stops(item)).cloned().collect::<Vec<_>>()
            };
            if let Some(Item::Wide(_)) =
                self.feed.state.lock().unwrap().splits[&self.split].get(self.at).filter(|_| items.is_empty())
            {
                return Err(Error::drift(Drift { added: vec![extra()], ..Drift::default() }));
            }
            if !items.is_empty() {
                self.at += items.len();
                return Ok(Some(make(&self.job.dataset, &items, self.at)));
            }
            if !self.feed.endless {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub(crate) fn extra() -> FieldRef {
    Arc::new(Field::new("extra", DataType::Int64, true))
}

fn make(dataset: &Dataset, items: &[Item], at: usize) -> Batch {
    let good: Vec<_> = items.iter().filter(|item| !matches!(item, Item::Bad(_))).collect();
    let of = |item: &&Item| match item {
        Item::Row(id, time) => (*id, *time),
        Item::Wide(id) => (Some(*id), *id),
        _ => (None, 0),
    };
    let ids: ArrayRef = Arc::new(Int64Array::from_iter(good.iter().map(|item| of(item).0)));
    let columns = dataset.columns().fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "name" => Arc::new(StringArray::from_iter_values(good.iter().map(|item| format!("n{}", of(item).0.unwrap_or(-1))))),
            "at" => {
                let times = good.iter().map(|item| of(item).1 * 1_000_000);
                Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("+00:00"))
            }
            _ => Arc::clone(&ids),
        }
    });
    let rows = RecordBatch::try_new(Arc::clone(dataset.columns()), columns.collect()).unwrap();
    let mut batch = Batch::insert(rows, Position::of(&at));
    batch.rejects = items
        .iter()
        .filter_map(|item| match item {
            Item::Bad(text) => Some(Reject {
                payload: Some(Bytes::copy_from_slice(text.as_bytes())),
                reason: "not a row".into(),
                place: Place { path: Some("feed".into()), line: Some(7), ..Place::default() },
                ..Reject::default()
            }),
            _ => None,
        })
        .collect();
    batch
}

type Refuse = fn(i64) -> bool;

/// A sink that keeps ids, by commit.
#[derive(Clone)]
pub(crate) struct Tank {
    pub(crate) info: SinkInfo,
    pub(crate) state: Arc<Mutex<TankState>>,
    /// A batch with such an id fails as a whole.
    pub(crate) poison: Option<Refuse>,
    pub(crate) slow: Duration,
    pub(crate) slow_commit: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct TankState {
    pub(crate) tasks: BTreeMap<Task, (u64, Option<Cursor>)>,
    pub(crate) commits: Vec<Vec<i64>>,
    pub(crate) columns: Vec<usize>,
    /// The commit, from 1, that fails; after it is applied, or before.
    pub(crate) crash: Option<(usize, bool)>,
    pub(crate) attempts: usize,
    pub(crate) staged_most: usize,
}

impl std::fmt::Debug for Tank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tank")
    }
}

impl Tank {
    pub(crate) fn new() -> Self {
        let info = SinkInfo {
            identity: "tank".into(),
            holds_cursor: true,
            ops: Op::ALL,
            before: false,
            partial: false,
            per_poll: false,
            commit_after: Duration::ZERO,
            commit_within: Duration::from_secs(3600),
        };
        Self { info, state: Arc::default(), poison: None, slow: Duration::ZERO, slow_commit: Duration::ZERO }
    }

    pub(crate) fn crash(&self, at: usize, applied: bool) {
        self.state.lock().unwrap().crash = Some((at, applied));
    }

    /// All ids, in the order they were committed.
    pub(crate) fn ids(&self) -> Vec<i64> {
        self.state.lock().unwrap().commits.concat()
    }

    pub(crate) fn commits(&self) -> usize {
        self.state.lock().unwrap().commits.len()
    }

    pub(crate) fn cursor(&self) -> Option<Cursor> {
        self.state.lock().unwrap().tasks.values().next().and_then(|(_, cursor)| cursor.clone())
    }
}

#[async_trait]
impl Sink for Tank {
    fn info(&self) -> SinkInfo {
        self.info.clone()
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn open(&self, job: &Job) -> Result<Opened> {
        let mut state = self.state.lock().unwrap();
        let task = state.tasks.entry(job.task.clone()).or_default();
        task.0 += 1;
        let (fence, cursor) = (task.0, task.1.clone().filter(|_| self.info.holds_cursor));
        let writer = TankWriter { tank: self.clone(), task: job.task.clone(), fence, ids: Vec::new(), bytes: 0, columns: 0 };
        Ok(Opened { writer: Box::new(writer), cursor })
    }

    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        let state = self.state.lock().unwrap();
        let of = state.tasks.iter().filter(|(task, _)| *task.pipeline == *pipeline);
        Ok(of.filter_map(|(task, (_, cursor))| Some((Arc::clone(&task.task), cursor.clone()?))).collect())
    }
}

struct TankWriter {
    tank: Tank,
    task: Task,
    fence: u64,
    ids: Vec<i64>,
    bytes: usize,
    columns: usize,
}

#[async_trait]
impl Writer for TankWriter {
    async fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        tokio::time::sleep(self.tank.slow).await;
        let ids: Vec<i64> = batch.rows.column(0).as_primitive::<Int64Type>().iter().map(|id| id.unwrap()).collect();
        if ids.iter().any(|id| self.tank.poison.is_some_and(|poison| poison(*id))) {
            return Err(Error::new(Kind::Data, "poison"));
        }
        assert!(batch.rows.column(0).null_count() == 0);
        self.ids.extend(ids);
        self.bytes += batch.bytes();
        self.columns = batch.rows.num_columns();
        let mut state = self.tank.state.lock().unwrap();
        state.staged_most = state.staged_most.max(self.bytes);
        Ok(Staged { buffered: self.bytes, ..Staged::default() })
    }

    async fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        tokio::time::sleep(self.tank.slow_commit).await;
        let mut state = self.tank.state.lock().unwrap();
        state.attempts += 1;
        let attempt = state.attempts;
        let crash = state.crash.take_if(|(at, _)| *at == attempt);
        let gone = || Error::new(Kind::Unavailable, "gone").retry(Retry::After(Duration::from_millis(1)));
        if matches!(crash, Some((_, false))) {
            return Err(gone());
        }
        let task = state.tasks.entry(self.task.clone()).or_default();
        if task.0 != self.fence {
            return Err(Error::new(Kind::Conflict, "fenced"));
        }
        let stands = task.1.as_ref().map_or(0, |cursor| cursor.seq);
        assert_eq!(cursor.seq, stands + 1, "commits follow each other");
        task.1 = Some(cursor.clone());
        if self.tank.info.per_poll {
            state.commits.clear();
        }
        state.commits.push(std::mem::take(&mut self.ids));
        state.columns.push(self.columns);
        self.bytes = 0;
        if crash.is_some() { Err(gone()) } else { Ok(()) }
    }
}

/// A pipeline from `feed` to `tank` that is polled once.
pub(crate) fn pipeline(feed: &Feed, tank: &Tank) -> PipelineBuilder {
    let builder = Pipeline::dynamic("p").source(feed.clone()).sink(tank.clone());
    if feed.info.streaming { builder } else { builder.every("10ms") }
}

/// Runs it to the end of what is there.
pub(crate) async fn once(state: &std::path::Path, pipeline: PipelineBuilder) -> Outcome {
    let engine = Engine::builder().state(state).once(true).threads(2).build().unwrap();
    engine.run(vec![pipeline.build().unwrap()], CancellationToken::new()).await.pop().unwrap()
}

/// The same for paused time.
pub(crate) async fn once_paused(state: &std::path::Path, pipeline: PipelineBuilder) -> Outcome {
    let engine = Engine::builder().state(state).once(true).clock(jiff::Timestamp::UNIX_EPOCH).build().unwrap();
    engine.run(vec![pipeline.build().unwrap()], CancellationToken::new()).await.pop().unwrap()
}

/// Waits until `done`, for at most a minute.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}
