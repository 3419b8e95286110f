//! The reader of a group: takes what its thread decoded, in order, and makes batches of it.
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::arrow::select::concat::concat_batches;
use thyme_core::{Batch, Error, Job, Kind, Place, Position, Reader, Reject, Result, async_trait};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::columns::Columns;
use super::file::Context;
use super::held::held;
use super::part::{Item, Out, Part};
use super::source::Shared;
use super::state::{At, End, GroupAt, Seen, Work};
use crate::storage::Storage;

/// What a batch aims at.
const ROWS: usize = 65_536;
const BYTES: usize = 8 << 20;
/// Smaller parts wait for others, but no longer than this.
const SMALL_ROWS: usize = 8_192;
const SMALL_BYTES: usize = 1 << 20;
const WAIT: Duration = Duration::from_millis(500);

/// Reads the files of a group.
pub(super) struct GroupReader<S> {
    shared: Arc<Shared<S>>,
    job: Job,
    columns: Arc<Columns>,
    works: Option<Vec<Work>>,
    items: Option<Receiver<Item>>,
    thread: Option<JoinHandle<()>>,
    /// Parts that a thread decoded together.
    parts: VecDeque<Part>,
    at: GroupAt,
    pending: Pending,
    /// A batch that is ready behind the one handed out now.
    ready: Option<Batch>,
    failed: Option<Error>,
    over: bool,
}

/// Small parts that become one batch.
#[derive(Default)]
struct Pending {
    rows: Vec<RecordBatch>,
    rejects: Vec<Reject>,
    count: usize,
    bytes: usize,
    since: Option<Instant>,
    /// The position moved.
    moved: bool,
    /// The last part ended inside a record.
    unsettled: bool,
}

impl<S: Storage> GroupReader<S> {
    pub(super) fn new(shared: &Arc<Shared<S>>, job: &Job, works: Vec<Work>, at: GroupAt) -> Result<Self> {
        let columns = Arc::new(Columns::new(&job.dataset, &shared.options.metadata)?);
        Ok(Self {
            shared: Arc::clone(shared),
            job: job.clone(),
            columns,
            works: Some(works),
            items: None,
            thread: None,
            parts: VecDeque::new(),
            over: at.over,
            at,
            pending: Pending::default(),
            ready: None,
            failed: None,
        })
    }

    /// Starts the thread that reads ahead.
    fn start(&mut self) -> &mut Receiver<Item> {
        let ahead = self.job.threads.max(1);
        let works = self.works.take().unwrap_or_default();
        self.items.get_or_insert_with(|| {
            let (out, items) = channel(ahead);
            let runtime = Handle::current();
            let context = Context {
                shared: Arc::clone(&self.shared),
                job: self.job.clone(),
                schema: Arc::clone(self.columns.data()),
                declared: Arc::clone(self.columns.declared()),
                runtime: runtime.clone(),
                out: Out(out),
            };
            let files = self.at.files.clone();
            self.thread = Some(runtime.spawn_blocking(move || drop(context.run(&works, &files))));
            items
        })
    }

    /// The next thing the thread made of the files; `None` at the end of the group, `Some(None)` when `until` is over.
    async fn item(&mut self, until: Option<Instant>) -> Option<Option<Item>> {
        let items = self.start();
        match until {
            None => items.recv().await.map(Some),
            Some(until) => match tokio::time::timeout_at(until, items.recv()).await {
                Ok(item) => item.map(Some),
                Err(_) => Some(None),
            },
        }
    }

    /// Takes a part over into the position and into what is pending.
    fn take(&mut self, part: Part) -> Result<()> {
        let Some(seen) = self.at.files.last_mut() else {
            return Err(Error::new(Kind::Unexpected, "rows of a file that was not opened"));
        };
        let path = self.shared.storage.location(&seen.key);
        let rows = self.columns.complete(&part, seen, &path)?;
        for bad in part.bad {
            let place = Place {
                path: Some(path.clone()),
                identity: None,
                offset: Some(bad.offset),
                line: Some(seen.at.lines + bad.line + 1),
                column: Some(bad.column),
            };
            let payload = Some(bad.payload);
            self.pending.rejects.push(Reject { payload, reason: bad.reason, place, hint: part.hint.clone(), row: None });
        }
        let At { lines, records, .. } = seen.at;
        seen.at = At {
            offset: part.offset,
            lines: lines + part.lines,
            records: records + part.records,
            head: part.head,
            tail: part.tail,
            end: End::Inside,
        };
        self.pending.unsettled = !part.settled;
        self.pending.moved = true;
        self.pending.count += rows.num_rows();
        self.pending.bytes += held(&rows);
        self.pending.since.get_or_insert_with(Instant::now);
        if rows.num_rows() > 0 {
            self.pending.rows.push(rows);
        }
        if let Some(drift) = part.drift {
            self.failed = Some(Error::drift(drift).context("path", path));
        }
        Ok(())
    }

    /// What is pending, as a batch at the place that is reached now.
    fn batch(&mut self) -> Result<Batch> {
        let pending = std::mem::take(&mut self.pending);
        let schema: &SchemaRef = self.job.dataset.columns();
        let rows = match pending.rows.as_slice() {
            [one] => one.clone(),
            some => concat_batches(schema, some)
                .map_err(|e| Error::new(Kind::Unexpected, "the rows of small files do not fit together").source(e))?,
        };
        let mut batch = Batch::insert(rows, Position::of(&self.at));
        batch.rejects = pending.rejects;
        Ok(batch)
    }

    fn is_full(&self) -> bool {
        let Pending { count, bytes, unsettled, .. } = self.pending;
        !unsettled && (count >= ROWS || bytes >= BYTES)
    }

    /// The batch that `part` completes, if it does: what is pending goes first where the part is not small.
    fn add(&mut self, part: Part) -> Result<Option<Batch>> {
        let large = part.rows.num_rows() >= SMALL_ROWS || held(&part.rows) >= SMALL_BYTES;
        let first = if large && !self.pending.unsettled && !self.pending.rows.is_empty() { Some(self.batch()?) } else { None };
        self.take(part)?;
        if large && !self.pending.unsettled || self.is_full() {
            let batch = self.batch()?;
            return Ok(match first {
                Some(first) => {
                    self.ready = Some(batch);
                    Some(first)
                }
                None => Some(batch),
            });
        }
        Ok(first)
    }

    /// Takes an item over; the parts it has go to `parts`.
    async fn accept(&mut self, item: Item) -> Result<()> {
        match item {
            Item::Open(index, seen) => {
                self.at.files.truncate(index);
                self.at.files.push(Seen { at: At { end: seen.at.end, ..seen.at.clone() }, ..*seen });
            }
            Item::Part(part) => self.parts.push_back(*part),
            Item::Soon(decoding) => {
                let parts = decoding.await.map_err(|e| Error::new(Kind::Unexpected, "a decoding thread died").source(e))?;
                self.parts.extend(parts?);
            }
            Item::Close(end, reject) => {
                if let Some(seen) = self.at.files.last_mut() {
                    seen.at.end = end;
                }
                self.pending.rejects.extend(reject.map(|reject| *reject));
                self.pending.unsettled = false;
                self.pending.moved = true;
                self.pending.since.get_or_insert_with(Instant::now);
                thyme_core::testing::point("file.read");
            }
            Item::Failed(error) => self.failed = Some(error),
        }
        Ok(())
    }
}

#[async_trait]
impl<S: Storage> Reader for GroupReader<S> {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if let Some(batch) = self.ready.take() {
            return Ok(Some(batch));
        }
        loop {
            if let Some(error) = self.failed.take() {
                self.over = true;
                if !self.pending.moved || self.pending.unsettled {
                    return Err(error);
                }
                self.failed = Some(error);
                return self.batch().map(Some);
            }
            if self.over {
                return Ok(None);
            }
            if let Some(part) = self.parts.pop_front() {
                if let Some(batch) = self.add(part)? {
                    return Ok(Some(batch));
                }
                continue;
            }
            let waiting = !self.pending.rows.is_empty() || !self.pending.rejects.is_empty();
            let until = self.pending.since.filter(|_| waiting && !self.pending.unsettled).map(|since| since + WAIT);
            match self.item(until).await {
                Some(Some(item)) => self.accept(item).await?,
                Some(None) => return self.batch().map(Some),
                None => {
                    if let Some(thread) = self.thread.take() {
                        // The end of the channel is the end of the group only if the thread came to its own.
                        thread.await.map_err(|e| Error::new(Kind::Unexpected, "a thread that read files died").source(e))?;
                    }
                    (self.over, self.at.over) = (true, true);
                    return self.batch().map(Some);
                }
            }
        }
    }
}
