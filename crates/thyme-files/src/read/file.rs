//! The thread that reads the files of a group, one after another, ahead of its reader.
use std::io;
use std::sync::Arc;

use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Error, Job, Kind, Place, Reject, Result};
use thyme_formats::compression::{Compression, MAGIC_BYTES};
use tokio::runtime::Handle;

use super::buffer::Buffer;
use super::bytes::{self, RawReader, Stream};
use super::closed::Closed;
use super::decide::QUIET_US;
use super::options::{Changed, ReadFormat};
use super::part::{Item, Out, Stop};
use super::prints::{self, Front};
use super::source::Shared;
use super::state::{At, End, PRINT_BYTES, Seen, Work};
use super::{csv, json, lines};
use crate::storage::{Opened, Opener, Storage, Wanted};

/// What all files of a group are read with.
pub(super) struct Context<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) job: Job,
    /// The columns that records hold: those of the dataset without metadata.
    pub(super) schema: SchemaRef,
    /// The same as they are declared: which of them must be there.
    pub(super) declared: SchemaRef,
    pub(super) runtime: Handle,
    pub(super) out: Out,
}

/// A file that is open, at the place where its reading begins.
pub(super) struct File {
    pub(super) path: String,
    pub(super) identity: String,
    pub(super) stream: Stream,
    pub(super) front: Front,
    pub(super) at: At,
    /// Its end is the end of its last record, whether there is a line end or not.
    pub(super) ended: bool,
    /// More may be added behind it later.
    pub(super) grows: bool,
}

impl<S: Storage> Context<S> {
    /// Reads `works` on from `files`, which were begun or read before.
    pub(super) fn run(&self, works: &[Work], files: &[Seen]) -> Result<(), Stop> {
        let first = files.len().saturating_sub(1);
        let planned = works.iter().enumerate().map(|(index, work)| files.get(index).unwrap_or(&work.seen));
        let wanted = planned.map(|seen| Wanted { key: seen.key.clone(), size: seen.size }).collect();
        let mut open = self.shared.storage.opener(wanted, self.job.buffer);
        for (index, work) in works.iter().enumerate().skip(first) {
            let planned = files.get(index).unwrap_or(&work.seen);
            self.file(index, work, planned, &mut open)?;
        }
        Ok(())
    }

    fn file(&self, index: usize, work: &Work, planned: &Seen, open: &mut Opener) -> Result<(), Stop> {
        let Shared { storage, options, .. } = &*self.shared;
        let opened = self.out.check(open(index))?;
        let Some(opened) = opened.filter(|opened| opened.entry.id == work.id) else {
            // Renamed or deleted since it was listed: a later poll finds it by its id, and goes on where this one stopped.
            let at = At { end: End::Inside, ..planned.at.clone() };
            self.out.send(Item::Open(index, Box::new(Seen { at, ..planned.clone() })))?;
            return self.out.send(Item::Close(End::Inside, None));
        };
        let path = storage.location(&planned.key);
        let mut head = vec![0; PRINT_BYTES.max(MAGIC_BYTES)];
        let read = self.out.check(opened.bytes.read_at(0, &mut head).map_err(|e| bytes::failed(&path, e)))?;
        head.truncate(read);
        let mut seen = Seen::new(&opened.entry, planned.at.clone());
        if !storage.grows() && planned.at.offset > 0 && planned.version != opened.entry.version {
            // Written again while it was read: its rest is gone, whatever its first bytes are.
            if options.changed == Changed::Fail {
                return self.out.check(Err(replaced(&path)));
            }
            tracing::warn!(path, "a file was written again while it was read; it is read from its start");
            seen.at = At::default();
        }
        if opened.entry.size == 0 {
            seen.at = At::default();
            self.out.send(Item::Open(index, Box::new(seen)))?;
            return self.out.send(Item::Close(End::Whole, None));
        }
        let (format, compression) = self.out.check(options.kind_of(&planned.key, &head))?;
        let closed = |seen, opened, name| Closed { index, seen, opened, path: &path, head: &head, name };
        match format {
            ReadFormat::Parquet => return closed(seen, opened, "parquet").parquet(self),
            ReadFormat::Avro => return closed(seen, opened, "avro").avro(self),
            ReadFormat::Arrow => return closed(seen, opened, "arrow").arrow(self),
            _ => {}
        }
        let Some(mut file) = self.open(&opened, &path, compression, &mut seen)? else {
            return self.out.check(Err(replaced(&path)));
        };
        self.out.send(Item::Open(index, Box::new(seen)))?;
        let again = || {
            let raw = RawReader::new(Arc::clone(&opened.bytes), opened.entry.size);
            bytes::open(raw, compression).map_err(|e| Broken::Failed(bytes::failed(&path, e)))
        };
        let done = match format {
            ReadFormat::Jsonl => lines::read(self, &mut file),
            ReadFormat::Json => json::read(self, &mut file, again()),
            _ => csv::read(self, &mut file, again()),
        };
        let end = match done {
            Ok(end) => end,
            Err(Broken::Stop) => return Err(Stop),
            Err(Broken::Failed(error)) => return self.out.check(Err(error)),
            Err(Broken::Damaged(reason)) => {
                let reject = damaged(&file, file.stream.raw_offset(), &reason);
                return self.out.send(Item::Close(End::Damaged, Some(Box::new(reject))));
            }
        };
        self.out.send(Item::Close(end, None))
    }

    /// Opens a text file at `seen.at`. `None`: it is not the file that was read up to there.
    fn open(&self, opened: &Opened, path: &str, compression: Compression, seen: &mut Seen) -> Result<Option<File>, Stop> {
        let options = &self.shared.options;
        let start = || bytes::open(RawReader::new(Arc::clone(&opened.bytes), opened.entry.size), compression);
        let mut stream = self.out.check(start().map_err(|e| bytes::failed(path, e)))?;
        let mut front = Front::default();
        let at = seen.at.clone();
        let same = match prints::skip(&mut stream, at.offset, &mut front) {
            Ok(reached) => reached && (at.offset == 0 || front.head() == at.head && front.tail() == at.tail),
            Err(error) => match stream.outage() {
                Some(outage) => return self.out.check(Err(bytes::failed(path, outage))),
                // Damaged before the place that was reached: it is another file now, or nothing can be gone on from.
                None => {
                    tracing::debug!(path, %error, "a file can't be decompressed up to where its reading ended");
                    false
                }
            },
        };
        if !same {
            if matches!(options.changed, Changed::Append | Changed::Fail) && at.end != End::Damaged {
                return Ok(None);
            }
            stream = self.out.check(start().map_err(|e| bytes::failed(path, e)))?;
            front = Front::default();
            seen.at = At::default();
        }
        let storage = &self.shared.storage;
        let grows = storage.grows() && options.changed == Changed::Append;
        let quiet = storage.now() - opened.entry.modified > QUIET_US;
        let ended = !grows || compression != Compression::None || self.job.once || quiet;
        let identity = identity(opened);
        Ok(Some(File { path: path.to_owned(), identity, stream, front, at: seen.at.clone(), ended, grows }))
    }
}

/// Why the reading of a file broke off.
pub(super) enum Broken {
    /// Nobody listens any more.
    Stop,
    /// The run fails.
    Failed(Error),
    /// The file can't be read on; what came before is good.
    Damaged(String),
}

impl From<Stop> for Broken {
    fn from(_: Stop) -> Self {
        Self::Stop
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl File {
    /// Fills `buffer` up to `size` bytes; false at the end of the file. With an error it holds what came before.
    pub(super) fn fill(&mut self, buffer: &mut Buffer, size: usize) -> Result<bool, Broken> {
        buffer.fill(&mut self.stream, size).map_err(|error| self.broken(&self.stream, &error))
    }

    /// The same from another stream of this file.
    pub(super) fn fill_from(&self, stream: &mut Stream, buffer: &mut Buffer, size: usize) -> Result<bool, Broken> {
        buffer.fill(stream, size).map_err(|error| self.broken(stream, &error))
    }

    /// What an error of the stream means: an outage of the storage, or a damaged file.
    fn broken(&self, stream: &Stream, error: &io::Error) -> Broken {
        match stream.outage() {
            Some(outage) => Broken::Failed(bytes::failed(&self.path, outage)),
            None => Broken::Damaged(format!("the file cannot be decompressed any further: {error}")),
        }
    }
}

/// Which version of a file it was.
pub(super) fn identity(opened: &Opened) -> String {
    let entry = &opened.entry;
    if entry.version.is_empty() { format!("{} {}", entry.id, entry.changed) } else { entry.version.clone() }
}

fn damaged(file: &File, offset: u64, reason: &str) -> Reject {
    let place =
        Place { path: Some(file.path.clone()), identity: Some(file.identity.clone()), offset: Some(offset), ..Place::default() };
    Reject { reason: reason.to_owned(), place, ..Reject::default() }
}

fn replaced(path: &str) -> Error {
    let text = "a file is no longer the one that was read in part; set `changed` to `reread` to read it from its start";
    Error::new(Kind::CursorLost, text).context("path", path)
}
