//! The writer: which rows go to which file, and when a file is full.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use thyme_core::{Batch, Cursor, Error, Job, Kind, Op, Opened, Reject, Result, Staged, Writer, async_trait};

use super::crew::Crew;
use super::log::{Entry, Log};
use super::options::{Mode, Options};
use super::owner;
use super::part::{Finished, Part};
use super::partition::{Partitions, Share};
use super::target::Target;
use super::template::Values;

/// Bytes of Arrow in a block: a Parquet row group.
const BLOCK: std::ops::RangeInclusive<usize> = 1 << 20..=16 << 20;
/// Files open at once; of more partitions than that, the one that waited longest is closed.
const OPEN_FILES: usize = 64;

/// Takes the task over and says where it stood.
///
/// # Errors
/// `Conflict`, `Schema`, or as [`Target::begin`].
pub async fn open(target: Arc<dyn Target>, job: &Job, options: Options) -> Result<Opened> {
    let partitions = Partitions::new(&job.dataset, &options.partition_by)?;
    options.format.holds(partitions.columns())?;
    owner::claim(target.as_ref(), &job.task.pipeline, options.mode).await?;
    let log = Log::open(Arc::clone(&target), &job.task).await?;
    let cursor = log.cursor().cloned();
    let crew = Crew::new(job.threads);
    let block = (job.buffer / (crew.threads() + 1)).clamp(*BLOCK.start(), *BLOCK.end());
    let block = block.min(usize::try_from(options.roll.size).unwrap_or(usize::MAX));
    let writer = FileWriter {
        target,
        job: job.clone(),
        options,
        partitions,
        log,
        crew,
        block,
        parts: BTreeMap::new(),
        finished: Vec::new(),
        batches: 0,
    };
    Ok(Opened { writer: Box::new(writer), cursor })
}

struct FileWriter {
    target: Arc<dyn Target>,
    job: Job,
    options: Options,
    partitions: Partitions,
    log: Log,
    crew: Crew,
    block: usize,
    /// Open files by folder.
    parts: BTreeMap<String, Part>,
    finished: Vec<Finished>,
    batches: u64,
}

#[async_trait]
impl Writer for FileWriter {
    async fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        if let Some(op) = batch.ops.outside(&[Op::Insert]).filter(|_| batch.rows.num_rows() > 0) {
            let text = format!("files take inserts alone, not an {}", op.name());
            return Err(Error::new(Kind::Unsupported, text).context("task", &self.job.task));
        }
        self.batches += 1;
        let mut staged = Staged::default();
        if batch.rows.num_rows() > 0 {
            let (shares, rejects) = self.partitions.split(&batch.rows)?;
            staged.rejects = rejects;
            let (bytes, rows) = (batch.bytes() as u128, batch.rows.num_rows() as u128);
            for share in shares {
                let bytes = bytes * share.rows.num_rows() as u128 / rows;
                staged.rejects.extend(self.rows(share, usize::try_from(bytes).unwrap_or(usize::MAX)).await?);
            }
            staged.rejects.sort_by_key(|reject| reject.row);
        }
        while self.held() > self.job.buffer.max(self.block) && self.shrink().await? {}
        staged.full = !self.finished.is_empty();
        staged.buffered = self.held();
        Ok(staged)
    }

    async fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        for (folder, part) in std::mem::take(&mut self.parts) {
            self.finished.extend(part.finish(folder, &self.crew).await?);
        }
        let files = std::mem::take(&mut self.finished);
        let entries = self.named(files, cursor.seq).await?;
        self.log.commit(cursor, entries, self.options.mode == Mode::Overwrite).await
    }
}

impl FileWriter {
    /// Adds rows of one folder, which take `bytes` of memory, to its file, and to the next ones when that is full.
    async fn rows(&mut self, Share { folder, rows, from }: Share, bytes: usize) -> Result<Vec<Reject>> {
        let (mut at, mut rejects) = (0, Vec::new());
        let each = (bytes / rows.num_rows().max(1)).max(1);
        while at < rows.num_rows() {
            let mut part = self.part(&folder).await?;
            part.used = self.batches;
            let room = self.options.roll.rows.map_or(u64::MAX, |limit| limit.max(1).saturating_sub(part.rows()));
            let len = usize::try_from(room).unwrap_or(usize::MAX).min(rows.num_rows() - at);
            let bad = part.push(rows.slice(at, len), each * len, self.block, &self.crew).await?;
            rejects.extend(bad.into_iter().map(|bad| {
                let row = at + bad.row;
                let row = from.as_ref().map_or(row, |from| from.values().get(row).map_or(row, |row| *row as usize));
                Reject { row: Some(row), reason: bad.reason, ..Reject::default() }
            }));
            at += len;
            let full = self.options.roll.rows.is_some_and(|limit| part.rows() >= limit) || part.bytes() >= self.options.roll.size;
            if full && part.rows() > 0 {
                self.finished.extend(part.finish(folder.clone(), &self.crew).await?);
            } else {
                self.parts.insert(folder.clone(), part);
            }
        }
        Ok(rejects)
    }

    /// The open file of `folder`, taken out; a new one when there is none.
    async fn part(&mut self, folder: &str) -> Result<Part> {
        if let Some(part) = self.parts.remove(folder) {
            return Ok(part);
        }
        if self.parts.len() >= OPEN_FILES
            && let Some(oldest) = self.parts.iter().min_by_key(|(_, part)| part.used).map(|(folder, _)| folder.clone())
            && let Some(part) = self.parts.remove(&oldest)
        {
            self.finished.extend(part.finish(oldest, &self.crew).await?);
        }
        let upload = self.target.begin(&self.log.hidden(), self.log.attempt()).await?;
        Part::new(upload, &self.options.format, self.partitions.columns())
    }

    /// The name of the file number `part` of the commit `seq`, without its ending.
    fn stem(&self, folder: &str, seq: u64, part: usize) -> String {
        let values = Values { task: &self.job.task, dataset: self.job.dataset.name(), seq, now: Timestamp::now() };
        format!("{folder}{}", self.options.template.name(&values, part))
    }

    fn held(&self) -> usize {
        self.parts.values().map(Part::held).sum()
    }

    /// Has the file that holds most let go of some of it. `false`: it can't.
    async fn shrink(&mut self) -> Result<bool> {
        match self.parts.values_mut().max_by_key(|part| part.held()) {
            Some(part) => part.relieve(&self.crew).await,
            None => Ok(false),
        }
    }

    /// Gives each file a name that nothing has.
    async fn named(&mut self, files: Vec<Finished>, seq: u64) -> Result<Vec<Entry>> {
        let (mut entries, mut taken) = (Vec::with_capacity(files.len()), BTreeSet::new());
        for (part, Finished { from, folder, rows, bytes }) in files.into_iter().enumerate() {
            let stem = self.stem(&folder, seq, part);
            let to = free(self.target.as_ref(), &stem, &self.options.format.suffix(), &taken).await?;
            taken.insert(to.clone());
            entries.push(Entry { from, to, rows, bytes });
        }
        Ok(entries)
    }
}

/// A name that nothing has, made of `stem`.
async fn free(target: &dyn Target, stem: &str, suffix: &str, taken: &BTreeSet<String>) -> Result<String> {
    let mut to = format!("{stem}.{suffix}");
    let mut again = 1;
    while taken.contains(&to) || target.exists(&to).await? {
        again += 1;
        to = format!("{stem}-{again}.{suffix}");
    }
    Ok(to)
}
