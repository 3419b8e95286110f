//! A small engine: two readers at a time, a commit after each batch, and a crash wherever a test wants one.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::array::{Array, RecordBatch};
use thyme_core::arrow::datatypes::Schema;
use thyme_core::{Cursor, Dataset, Error, Job, Reader, Reject, Source, SplitId, Task, field_type};
use thyme_file::FileSource;

/// A folder of its own for each test.
pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path or pattern `name` below the folder, for a source.
    pub(super) fn text(&self, name: &str) -> String {
        format!("{}/{name}", self.0.path().display())
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(content.as_ref()).unwrap();
    }
}

/// Makes a file look as if nothing was done to it for two minutes.
pub(super) fn rest(path: &Path) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(120)).unwrap();
}

/// JSON Lines `{"n": …}`.
pub(super) fn lines(numbers: impl IntoIterator<Item = i64>) -> String {
    numbers.into_iter().map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

pub(super) fn dataset(fields: &[(&str, &str)]) -> Arc<Dataset> {
    let fields: Vec<_> = fields.iter().map(|(name, text)| field_type::parse(name, text).unwrap()).collect();
    Arc::new(Dataset::new("t", Arc::new(Schema::new(fields))).unwrap())
}

pub(super) fn job_of(fields: &[(&str, &str)]) -> Job {
    let mut job = Job::new(Task::alone("p"), dataset(fields));
    job.threads = 2;
    job
}

/// One int64 column `n`.
pub(super) fn job() -> Job {
    job_of(&[("n", "int64")])
}

/// A pipeline: its source, and what was committed.
pub(super) struct Run {
    pub(super) source: FileSource,
    pub(super) job: Job,
    pub(super) cursor: Cursor,
    /// Every committed cursor, as its JSON.
    pub(super) cursors: Vec<String>,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rejects: Vec<Reject>,
}

impl Run {
    pub(super) fn new(source: FileSource, job: Job) -> Self {
        let cursor = Cursor::start(source.info().identity);
        Self { source, job, cursor, cursors: vec![], batches: vec![], rejects: vec![] }
    }

    /// JSON Lines with the column `n`, as `path` says.
    pub(super) fn of(path: impl Into<String>) -> Self {
        Self::new(FileSource::builder().path(path).build(), job())
    }

    /// One poll to its end.
    pub(super) async fn poll(&mut self) -> Result<(), Error> {
        self.poll_until(usize::MAX).await
    }

    /// One poll, cut off before batch number `crash` is committed.
    pub(super) async fn poll_until(&mut self, crash: usize) -> Result<(), Error> {
        let mut plan = self.source.plan(&self.job, &self.cursor).await?;
        let mut open: Vec<(SplitId, Box<dyn Reader>)> = Vec::new();
        let (mut more, mut count, mut turn) = (true, 0, 0);
        loop {
            while more && open.len() < 2 {
                match plan.next().await? {
                    Some(split) => {
                        let reader = plan.reader(&split, self.cursor.splits.get(&split)).await?;
                        open.push((split, reader));
                    }
                    None => more = false,
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            turn += 1;
            let at = turn % open.len();
            let (split, reader) = &mut open[at];
            let Some(batch) = reader.next().await? else {
                let (split, _) = open.remove(at);
                plan.ack(&self.cursor, &[split]).await?;
                continue;
            };
            count += 1;
            if count > crash {
                return Ok(());
            }
            assert_eq!(batch.rows.schema_ref(), self.job.dataset.columns());
            let mut cursor = self.cursor.clone();
            cursor.seq += 1;
            cursor.splits.insert(split.clone(), batch.position);
            plan.fold(&mut cursor);
            self.cursors.push(cursor.to_json()?);
            self.cursor = Cursor::from_json(self.cursors.last().unwrap().as_bytes())?;
            self.batches.push(batch.rows);
            self.rejects.extend(batch.rejects);
            plan.ack(&self.cursor, &[]).await?;
        }
    }

    /// All values of the int64 column `name`, in the order they came.
    pub(super) fn numbers(&self, name: &str) -> Vec<i64> {
        let column = |rows: &RecordBatch| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec();
        self.batches.iter().flat_map(column).collect()
    }

    /// All values of the text column `name`.
    pub(super) fn texts(&self, name: &str) -> Vec<Option<String>> {
        let all = self.batches.iter().flat_map(|rows| {
            let column = rows.column_by_name(name).unwrap().as_string::<i32>().clone();
            (0..column.len()).map(move |i| column.is_valid(i).then(|| column.value(i).to_owned())).collect::<Vec<_>>()
        });
        all.collect()
    }

    /// The values of `n`, sorted.
    pub(super) fn sorted(&self) -> Vec<i64> {
        let mut all = self.numbers("n");
        all.sort_unstable();
        all
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}
