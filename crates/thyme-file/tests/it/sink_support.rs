//! A small dataset, commits of it, and what a reader of the folder sees.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::{DataType, Field, Schema};
use thyme_core::{Batch, Cursor, Dataset, Error, Job, Kind, Position, Reject, Result, Sink, Task, Writer, async_trait};
use thyme_file::FileSink;
use thyme_files::write::{Generation, LocalTarget, Target, Upload};

pub(crate) fn dataset() -> Arc<Dataset> {
    let fields = vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)];
    Arc::new(Dataset::new("orders", Arc::new(Schema::new(fields))).unwrap())
}

pub(crate) fn job(pipeline: &str) -> Job {
    Job { threads: 2, ..Job::new(Task::alone(pipeline), dataset()) }
}

/// The rows with these ids.
pub(crate) fn batch(ids: std::ops::Range<i64>) -> Batch {
    let names: StringArray = ids.clone().map(|id| (id % 3 != 0).then(|| format!("name {id}"))).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(ids.clone())), Arc::new(names)];
    Batch::insert(RecordBatch::try_new(Arc::clone(dataset().columns()), columns).unwrap(), Position::of(&ids.end))
}

pub(crate) fn cursor(seq: u64, at: i64) -> Cursor {
    Cursor { seq, base: Some(Position::of(&at)), ..Cursor::start("test") }
}

/// The id that a cursor stands at.
pub(crate) fn stands(cursor: Option<&Cursor>) -> i64 {
    cursor.and_then(|cursor| cursor.base.as_ref()).map_or(0, |base| base.get().unwrap())
}

/// Stages `ids` in batches of `step` and commits them as `seq`.
pub(crate) async fn commit(writer: &mut dyn Writer, seq: u64, ids: std::ops::Range<i64>, step: usize) -> Result<()> {
    for from in ids.clone().step_by(step) {
        writer.stage(&batch(from..ids.end.min(from + step as i64))).await?;
    }
    writer.commit(&cursor(seq, ids.end)).await
}

/// Every visible file below `root`, by path, with what must never change about it: content, inode.
pub(crate) fn visible(root: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u64)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_name().to_str().is_some_and(|name| name.starts_with("_thyme")) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let (Ok(bytes), Ok(metadata)) = (fs::read(&path), fs::metadata(&path)) {
                files.insert(path, (bytes, metadata.ino()));
            }
        }
    }
    files
}

/// The batches of a Parquet file.
pub(crate) fn parquet(bytes: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(thyme_core::bytes::Bytes::from(bytes)).unwrap();
    reader.build().unwrap().map(|batch| batch.unwrap()).collect()
}

/// Stages one batch of these columns and commits it; what was refused, and the names of the files below `root`, in order.
pub(crate) async fn write(sink: &FileSink, root: &Path, columns: Vec<(&str, ArrayRef)>) -> (Vec<Reject>, Vec<String>) {
    let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap();
    let dataset = Arc::new(Dataset::new("events", rows.schema()).unwrap());
    let job = Job { dataset, ..job("p") };
    let opened = sink.open(&job).await.unwrap();
    let (mut writer, seq) = (opened.writer, opened.cursor.map_or(0, |cursor| cursor.seq) + 1);
    let staged = writer.stage(&Batch::insert(rows, Position::of(&1))).await.unwrap();
    writer.commit(&cursor(seq, 0)).await.unwrap();
    (staged.rejects, names(root))
}

/// The names of all visible files, relative to `root`, in order.
pub(crate) fn names(root: &Path) -> Vec<String> {
    visible(root).into_keys().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
}

/// The ids in a Parquet file.
pub(crate) fn ids_of(bytes: Vec<u8>) -> Vec<i64> {
    let ids = |batch: RecordBatch| {
        let ids = batch.column_by_name("id").unwrap().as_any().downcast_ref::<Int64Array>().unwrap().clone();
        ids.iter().map(Option::unwrap).collect::<Vec<_>>()
    };
    parquet(bytes).into_iter().flat_map(ids).collect()
}

/// The ids in all visible Parquet files, in the order of names and rows.
pub(crate) fn ids(root: &Path) -> Vec<i64> {
    visible(root).into_values().flat_map(|(bytes, _)| ids_of(bytes)).collect()
}

/// A local target that fails at one step, before it is done or after, and from then on.
#[derive(Debug)]
pub(crate) struct Dying {
    target: LocalTarget,
    steps: Arc<Steps>,
}

#[derive(Debug)]
struct Steps {
    left: AtomicUsize,
    after: bool,
}

impl Steps {
    /// Whether this step is still done; `Err` where it is the last one or a later one.
    async fn step<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let died = || Error::new(Kind::Unavailable, "died");
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1))).unwrap();
        match left {
            0 => Err(died()),
            1 if self.after => work.await.and(Err(died())),
            1 => Err(died()),
            _ => work.await,
        }
    }
}

impl Dying {
    pub(crate) fn new(root: &Path, steps: usize, after: bool) -> Self {
        Self { target: LocalTarget::new(root), steps: Arc::new(Steps { left: AtomicUsize::new(steps), after }) }
    }

    pub(crate) fn replacing(root: &Path, steps: usize, after: bool) -> Self {
        Self { target: LocalTarget::replacing(root).unwrap(), ..Self::new(root, steps, after) }
    }

    pub(crate) fn died(&self) -> bool {
        self.steps.left.load(Ordering::SeqCst) == 0
    }
}

#[async_trait]
impl Target for Dying {
    fn identity(&self) -> String {
        self.target.identity()
    }

    async fn check(&self) -> Result<()> {
        self.target.check().await
    }

    async fn begin(&self, hidden: &str, attempt: &str) -> Result<Box<dyn Upload>> {
        let upload = self.steps.step(self.target.begin(hidden, attempt)).await?;
        Ok(Box::new(DyingUpload { upload, steps: Arc::clone(&self.steps) }))
    }

    async fn publish(&self, from: &str, to: &str) -> Result<()> {
        self.steps.step(self.target.publish(from, to)).await
    }

    async fn settle(&self, names: &[String]) -> Result<()> {
        self.steps.step(self.target.settle(names)).await
    }

    async fn create(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        self.steps.step(self.target.create(name, bytes)).await
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.steps.step(self.target.read(name)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        self.steps.step(self.target.exists(name)).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.steps.step(self.target.list(folder)).await
    }

    async fn replaceable(&self, owner: &str) -> Result<()> {
        self.steps.step(self.target.replaceable(owner)).await
    }

    async fn replace(&self, generation: &Generation) -> Result<()> {
        self.steps.step(self.target.replace(generation)).await
    }

    async fn remove(&self, name: &str) -> Result<()> {
        self.steps.step(self.target.remove(name)).await
    }
}

struct DyingUpload {
    upload: Box<dyn Upload>,
    steps: Arc<Steps>,
}

#[async_trait]
impl Upload for DyingUpload {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.steps.step(self.upload.write(bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<String> {
        let Self { upload, steps } = *self;
        steps.step(upload.finish()).await
    }
}
