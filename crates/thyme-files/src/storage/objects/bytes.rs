//! The bytes of one object: in chunks, those to come read ahead.
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, GetResult, ObjectStore};
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Kind, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::ObjectStorage;
use crate::objects::failed;
use crate::storage::{Opened, ReadAt, Storage, Wanted};

/// Bytes that one request asks for, where memory allows, and the least.
const CHUNK: usize = 2 << 20;
const CHUNK_MIN: usize = 256 << 10;
/// Chunks in memory or on their way: a reader of columns goes to and fro between half as many places.
const HELD: usize = 24;
/// Chunks asked for ahead of a reader that goes on in order. One that goes on at several places gets the next one of each.
const AHEAD: u64 = 8;
/// How often a body may break off without having brought anything, and how long the first pause is then.
const BREAKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes that the request which opens an object of `size` bytes asks for: all of a small one.
pub(super) fn first(size: u64, memory: usize) -> u64 {
    if size <= (memory / 4).clamp(CHUNK_MIN, CHUNK) as u64 { size } else { chunk(memory) as u64 }
}

fn chunk(memory: usize) -> usize {
    (memory / HELD).clamp(CHUNK_MIN, CHUNK)
}

/// Opens an object by one request, which brings its first bytes, and holds about `memory` bytes of it at most. `None`: there is
/// none.
pub(super) async fn load(storage: ObjectStorage, wanted: Wanted, memory: usize, runtime: Handle) -> Result<Option<Opened>> {
    let first = first(wanted.size, memory);
    let whole = first == wanted.size;
    let chunk = if whole { CHUNK } else { chunk(memory) };
    let (path, location) = (storage.path(&wanted.key)?, storage.location(&wanted.key));
    let range = (!whole).then_some(GetRange::Bounded(0..first));
    let options = GetOptions { range, ..GetOptions::default() };
    let got = match storage.store.get_opts(&path, options).await {
        Ok(got) => got,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => {
            // No range of an object without bytes can be satisfied.
            return match storage.head(&wanted.key).await? {
                Some(entry) if entry.size == 0 => {
                    Ok(Some(Opened { entry, bytes: Arc::new(Chunks::new(storage, path, location, 0, None, chunk, runtime)) }))
                }
                Some(_) => Err(failed("read an object", &location, error)),
                None => Ok(None),
            };
        }
    };
    let (entry, etag) = (storage.entry(&got.meta), got.meta.e_tag.clone());
    let expected = entry.size.min(chunk as u64);
    let mut bytes = Chunks::new(storage, path, location, entry.size, etag, chunk, runtime);
    bytes.first = bytes.object.body(got, 0..expected).await?;
    Ok(Some(Opened { entry, bytes: Arc::new(bytes) }))
}

/// One version of an object.
struct Chunks {
    object: Arc<Object>,
    chunk: usize,
    /// What came when it was opened.
    first: Bytes,
    cache: Mutex<Cache>,
    runtime: Handle,
}

#[derive(Debug)]
struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    location: String,
    size: u64,
    etag: Option<String>,
}

#[derive(Default)]
struct Cache {
    /// The one used last at the end.
    chunks: VecDeque<(u64, Bytes)>,
    coming: VecDeque<(u64, JoinHandle<Result<Bytes>>)>,
    /// The one that was new last. Those that are read again in between don't count: columns that begin in one chunk after
    /// another are read in order, however often their reader comes back.
    last: Option<u64>,
}

impl Cache {
    /// A chunk that was used before.
    fn kept(&mut self, number: u64) -> Option<Bytes> {
        let at = self.chunks.iter().position(|(known, _)| *known == number)?;
        let found = self.chunks.remove(at)?;
        let bytes = found.1.clone();
        self.chunks.push_back(found);
        Some(bytes)
    }

    /// Gives up what was asked for and is not wanted any more, it seems, then what was used longest ago.
    fn trim(&mut self) {
        while self.coming.len() > HELD / 2 {
            if let Some((_, task)) = self.coming.pop_front() {
                task.abort();
            }
        }
        while self.chunks.len() + self.coming.len() > HELD {
            self.chunks.pop_front();
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.coming.iter().for_each(|(_, task)| task.abort());
    }
}

impl Chunks {
    fn new(
        storage: ObjectStorage,
        path: Path,
        location: String,
        size: u64,
        etag: Option<String>,
        chunk: usize,
        runtime: Handle,
    ) -> Self {
        let object = Arc::new(Object { store: storage.store, path, location, size, etag });
        Self { object, chunk, first: Bytes::new(), cache: Mutex::default(), runtime }
    }

    /// The chunk with this number, waited for.
    fn chunk(&self, number: u64) -> Result<Bytes> {
        if number == 0 && !self.first.is_empty() {
            return Ok(self.first.clone());
        }
        let coming = {
            let mut cache = self.lock();
            if let Some(bytes) = cache.kept(number) {
                return Ok(bytes);
            }
            let coming = cache.coming.iter().position(|(known, _)| *known == number);
            let coming = coming.and_then(|at| cache.coming.remove(at));
            let before = number.wrapping_sub(1);
            let ahead = match cache.last.replace(number) {
                last if last.unwrap_or(0) == before => AHEAD,
                _ if coming.is_some() || cache.chunks.iter().any(|(known, _)| *known == before) => 1,
                _ => 0,
            };
            (number + 1..=number + ahead).for_each(|next| self.ask(&mut cache, next));
            coming
        };
        let bytes = match coming {
            Some((_, task)) => self.runtime.block_on(task).map_err(|e| cut_off(&self.object.location, e))??,
            None => self.runtime.block_on(Arc::clone(&self.object).get(self.range(number)))?,
        };
        let mut cache = self.lock();
        cache.chunks.push_back((number, bytes.clone()));
        cache.trim();
        Ok(bytes)
    }

    /// At most `length` bytes from `offset` on, as many as one chunk has of them; none behind the end.
    fn within(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        if offset >= self.object.size {
            return Ok(Bytes::new());
        }
        let chunk = self.chunk(offset / self.chunk as u64).map_err(io::Error::other)?;
        let from = usize::try_from(offset % self.chunk as u64).unwrap_or(usize::MAX).min(chunk.len());
        Ok(chunk.slice(from..from.saturating_add(length).min(chunk.len())))
    }

    /// Begins to fetch a chunk that will be wanted.
    fn ask(&self, cache: &mut Cache, number: u64) {
        let range = self.range(number);
        let known =
            cache.chunks.iter().any(|(known, _)| *known == number) || cache.coming.iter().any(|(known, _)| *known == number);
        if known || range.is_empty() {
            return;
        }
        cache.coming.push_back((number, self.runtime.spawn(Arc::clone(&self.object).get(range))));
        cache.trim();
    }

    fn range(&self, number: u64) -> Range<u64> {
        let begin = number.saturating_mul(self.chunk as u64);
        begin..begin.saturating_add(self.chunk as u64).min(self.object.size)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object {
    /// The bytes of `range`, of the version that was opened and no other.
    async fn get(self: Arc<Self>, range: Range<u64>) -> Result<Bytes> {
        let answer = self.ask(range.clone()).await?;
        self.body(answer, range).await
    }

    async fn ask(&self, range: Range<u64>) -> Result<GetResult> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), if_match: self.etag.clone(), ..GetOptions::default() };
        self.store.get_opts(&self.path, options).await.map_err(|e| match e {
            // The next listing shows what became of it.
            StoreError::NotFound { .. } => {
                Error::new(Kind::Unavailable, "an object was removed while it was read").context("at", &self.location).source(e)
            }
            other => failed("read an object", &self.location, other),
        })
    }

    /// The bytes of `range` that `answer` begins with; where it breaks off, the rest is asked for.
    async fn body(&self, answer: GetResult, range: Range<u64>) -> Result<Bytes> {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(length);
        let (mut stream, mut broken) = (answer.into_stream(), 0);
        while bytes.len() < length {
            let error = match stream.try_next().await {
                Ok(Some(part)) => {
                    bytes.extend_from_slice(&part);
                    broken = 0;
                    continue;
                }
                Ok(None) => {
                    let text = "an object came with fewer bytes than it has";
                    Error::new(Kind::Unavailable, text).context("at", &self.location)
                }
                Err(error) => failed("read an object", &self.location, error),
            };
            broken += 1;
            if broken > BREAKS || error.kind() != Kind::Unavailable {
                return Err(error);
            }
            tracing::debug!(at = self.location, reached = bytes.len(), %error, "an object broke off and is asked for again");
            tokio::time::sleep(PAUSE * broken).await;
            stream = self.ask(range.start + bytes.len() as u64..range.end).await?.into_stream();
        }
        bytes.truncate(length);
        Ok(bytes.into())
    }
}

impl ReadAt for Chunks {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let bytes = self.within(offset.saturating_add(filled as u64), rest.len())?;
            let Some(to) = rest.get_mut(..bytes.len()).filter(|to| !to.is_empty()) else { break };
            to.copy_from_slice(&bytes);
            filled += bytes.len();
        }
        Ok(filled)
    }

    fn bytes_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let bytes = self.within(offset, length)?;
        if bytes.len() == length {
            return Ok(bytes);
        }
        let mut all = vec![0; length];
        let read = self.read_at(offset, &mut all)?;
        all.truncate(read);
        Ok(all.into())
    }
}

fn cut_off(location: &str, error: tokio::task::JoinError) -> Error {
    Error::new(Kind::Unexpected, "a request was cut off").context("at", location).source(error)
}
