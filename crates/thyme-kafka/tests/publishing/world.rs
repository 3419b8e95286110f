//! Topics of a test's own, and what is read back from them.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Batch, Cursor, Dataset, Job, Op, Ops, Position, Result, Sink, Staged, Task, Writer, field_type};
use thyme_kafka::{KafkaSink, KafkaSinkConfig};
use thyme_testkit::kafka::{Kafka, Listener, Record};

/// A topic of a test's own, and a topic for its cursors.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) progress: String,
}

impl World {
    /// Names that nobody else has, on the shared broker.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self::on(Kafka::shared()?))
    }

    /// Names that nobody else has, on `kafka`.
    pub(crate) fn on(kafka: &Kafka) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { brokers: kafka.brokers(Listener::Plain), topic: format!("rows.{n}"), progress: format!("progress.{n}") }
    }

    /// The same from another process.
    pub(crate) fn at(place: &str) -> Self {
        let mut parts = place.split(' ').map(str::to_owned);
        let mut next = || parts.next().unwrap();
        Self { brokers: next(), topic: next(), progress: next() }
    }

    pub(crate) fn place(&self) -> String {
        format!("{} {} {}", self.brokers, self.topic, self.progress)
    }

    /// A sink of the topic, with whatever `change` says.
    pub(crate) fn sink(&self, change: impl FnOnce(&mut KafkaSinkConfig)) -> KafkaSink {
        let builder = KafkaSink::builder().topic(&self.topic).brokers(&self.brokers).progress_topic(&self.progress);
        let mut config = builder.create_topic(thyme_kafka::CreateTopic::default()).config();
        change(&mut config);
        KafkaSink::new(config)
    }

    /// What a `read_committed` reader sees, once the markers of what was committed are there.
    pub(crate) async fn read(&self, kafka: &Kafka) -> Result<Vec<Record>> {
        self.settle(Duration::from_millis(500)).await;
        kafka.read(&self.topic).await
    }

    /// Waits until no transaction is open, for `limit` at most: one whose writer died stays open.
    async fn settle(&self, limit: Duration) {
        let (brokers, topic) = (self.brokers.clone(), self.topic.clone());
        let wait = move || {
            let high = |isolation: &str| -> Vec<i64> {
                let mut config = ClientConfig::new();
                config.set("bootstrap.servers", &brokers).set("group.id", "settle").set("isolation.level", isolation);
                let client: BaseConsumer = config.create().unwrap();
                let metadata = client.fetch_metadata(Some(&topic), Duration::from_secs(10)).unwrap();
                let partitions = metadata.topics()[0].partitions().len();
                let high = |n| client.fetch_watermarks(&topic, n as i32, Duration::from_secs(10)).unwrap().1;
                (0..partitions).map(high).collect()
            };
            let (all, begun) = (high("read_uncommitted"), Instant::now());
            while high("read_committed") < all && begun.elapsed() < limit {
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        tokio::task::spawn_blocking(wait).await.unwrap();
    }
}

/// A dataset of `id int64!` (the key) and `text string`, for pipeline and task.
pub(crate) fn job(pipeline: &str, task: &str) -> Job {
    let fields = [("id", "int64!"), ("text", "string")].map(|(name, text)| field_type::parse(name, text).unwrap());
    let dataset = Dataset::new("rows", Arc::new(Schema::new(fields.to_vec()))).unwrap().with_key(["id"]).unwrap();
    Job::new(Task { pipeline: pipeline.into(), task: task.into() }, Arc::new(dataset))
}

/// Rows of that dataset.
pub(crate) fn rows(rows: &[(i64, &str)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, text)| *text)));
    RecordBatch::try_new(Arc::clone(job("p", "0").dataset.columns()), vec![ids, texts]).unwrap()
}

/// A batch of inserts.
pub(crate) fn batch(some: &[(i64, &str)]) -> Batch {
    Batch::insert(rows(some), Position::of(&some.len()))
}

/// A batch of one operation.
pub(crate) fn changes(op: Op, some: &[(i64, &str)]) -> Batch {
    Batch { ops: Ops::All(op), ..batch(some) }
}

/// The cursor of a commit.
pub(crate) fn cursor(seq: u64) -> Cursor {
    Cursor { seq, base: Some(Position::of(&seq)), ..Cursor::start("the test") }
}

/// A task at work.
pub(crate) struct At {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) seq: u64,
}

impl At {
    pub(crate) async fn open(sink: &KafkaSink, job: &Job) -> Result<Self> {
        let opened = sink.open(job).await?;
        Ok(Self { writer: opened.writer, seq: opened.cursor.map_or(0, |cursor| cursor.seq) })
    }

    pub(crate) async fn stage(&mut self, some: &[(i64, &str)]) -> Result<Staged> {
        self.writer.stage(&batch(some)).await
    }

    pub(crate) async fn commit(&mut self) -> Result<()> {
        self.writer.commit(&cursor(self.seq + 1)).await?;
        self.seq += 1;
        Ok(())
    }

    pub(crate) async fn put(&mut self, some: &[(i64, &str)]) -> Result<Staged> {
        let staged = self.stage(some).await?;
        self.commit().await?;
        Ok(staged)
    }
}

/// The values of records, as text; a record without one is `-`.
pub(crate) fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| record.value.as_ref().map_or("-".to_owned(), |_| record.text())).collect()
}

/// The values of each row, by id: what was written, and how often.
pub(crate) fn ids(records: &[Record]) -> Vec<i64> {
    let mut ids: Vec<i64> = records.iter().map(|record| record.key_text().parse().expect("an id")).collect();
    ids.sort_unstable();
    ids
}

/// Publishes commit after commit as the engine does: what can be tried again is, from the cursor that the sink returns.
pub(crate) struct Delivery<'a> {
    sink: &'a KafkaSink,
    job: Job,
    rows: i64,
    at: Option<At>,
    begun: Instant,
    /// How often the sink was opened.
    pub(crate) opened: usize,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(sink: &'a KafkaSink, rows: i64) -> Self {
        Self { sink, job: job("p", "0"), rows, at: None, begun: Instant::now(), opened: 0 }
    }

    /// Stages the rows of the next commit, and says which it is.
    pub(crate) async fn stage(&mut self) -> Result<u64> {
        loop {
            let mut at = match self.at.take() {
                Some(at) => at,
                None => {
                    self.opened += 1;
                    match At::open(self.sink, &self.job).await {
                        Ok(at) => at,
                        Err(error) => {
                            self.again(error).await?;
                            continue;
                        }
                    }
                }
            };
            let begin = i64::try_from(at.seq).unwrap() * self.rows;
            let texts: Vec<String> = (begin..begin + self.rows).map(|id| format!("row {id}")).collect();
            let some: Vec<(i64, &str)> = (begin..).zip(texts.iter().map(String::as_str)).collect();
            match at.stage(&some).await {
                Ok(_) => {
                    let next = at.seq + 1;
                    self.at = Some(at);
                    return Ok(next);
                }
                Err(error) => self.again(error).await?,
            }
        }
    }

    /// Commits what is staged. Whether that was done, [`Delivery::stage`] finds out.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        let Some(mut at) = self.at.take() else { return Ok(()) };
        match at.commit().await {
            Ok(()) => {
                self.at = Some(at);
                Ok(())
            }
            Err(error) => self.again(error).await,
        }
    }

    async fn again(&mut self, error: thyme_core::Error) -> Result<()> {
        if error.retry_advice() == thyme_core::Retry::No || self.begun.elapsed() > Duration::from_secs(150) {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(())
    }
}
