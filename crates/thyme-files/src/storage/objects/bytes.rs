//! The bytes of one object: in chunks, those to come read ahead.
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, ObjectStore};
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Kind, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::ObjectStorage;
use crate::objects::failed;
use crate::storage::{Opened, ReadAt, Storage, Wanted};

/// Bytes that one request asks for, where memory allows.
pub(super) const CHUNK: usize = 2 << 20;
/// Chunks asked for ahead of a reader that goes on in order.
const AHEAD: u64 = 4;
/// Chunks kept: a reader of columns goes to and fro between as many places.
const KEPT: usize = 12;

/// Opens an object by one request, which brings its first `chunk` bytes: all of a small one. `None`: there is none.
pub(super) async fn load(storage: ObjectStorage, wanted: Wanted, chunk: usize, runtime: Handle) -> Result<Option<Opened>> {
    let (path, location) = (storage.path(&wanted.key)?, storage.location(&wanted.key));
    let whole = wanted.size <= chunk as u64;
    let range = (!whole).then_some(GetRange::Bounded(0..chunk as u64));
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
    let first = got.bytes().await.map_err(|e| failed("read an object", &location, e))?;
    let expected = if whole { entry.size } else { entry.size.min(chunk as u64) };
    if first.len() as u64 != expected {
        return Err(short(&location));
    }
    let mut bytes = Chunks::new(storage, path, location, entry.size, etag, chunk, runtime);
    bytes.first = first;
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
    last: Option<u64>,
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
            self.lock().last = Some(0);
            return Ok(self.first.clone());
        }
        let coming = {
            let mut cache = self.lock();
            let in_order = cache.last.is_some_and(|last| number == last || number == last + 1);
            cache.last = Some(number);
            if let Some(at) = cache.chunks.iter().position(|(known, _)| *known == number)
                && let Some(found) = cache.chunks.remove(at)
            {
                let bytes = found.1.clone();
                cache.chunks.push_back(found);
                return Ok(bytes);
            }
            if in_order {
                (number + 1..=number + AHEAD).for_each(|next| self.ask(&mut cache, next));
            }
            match cache.coming.iter().position(|(known, _)| *known == number) {
                Some(at) => cache.coming.remove(at).map(|(_, task)| task),
                None => None,
            }
        };
        let bytes = match coming {
            Some(task) => self.runtime.block_on(task).map_err(|e| cut_off(&self.object.location, e))??,
            None => self.runtime.block_on(Arc::clone(&self.object).get(self.range(number)))?,
        };
        let mut cache = self.lock();
        cache.chunks.push_back((number, bytes.clone()));
        while cache.chunks.len() > KEPT {
            cache.chunks.pop_front();
        }
        Ok(bytes)
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
        while cache.coming.len() > AHEAD as usize {
            if let Some((_, task)) = cache.coming.pop_front() {
                task.abort();
            }
        }
    }

    fn range(&self, number: u64) -> std::ops::Range<u64> {
        let begin = number.saturating_mul(self.chunk as u64);
        begin..begin.saturating_add(self.chunk as u64).min(self.object.size)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object {
    /// The bytes of `range`, of the version that was opened and no other.
    async fn get(self: Arc<Self>, range: std::ops::Range<u64>) -> Result<Bytes> {
        let length = range.end - range.start;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), if_match: self.etag.clone(), ..GetOptions::default() };
        let failed = |e| failed("read an object", &self.location, e);
        let bytes = self.store.get_opts(&self.path, options).await.map_err(failed)?.bytes().await.map_err(failed)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(short(&self.location)) }
    }
}

impl ReadAt for Chunks {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(filled as u64);
            if at >= self.object.size {
                break;
            }
            let chunk = self.chunk(at / self.chunk as u64).map_err(io::Error::other)?;
            let from = usize::try_from(at % self.chunk as u64).unwrap_or(usize::MAX);
            let Some(bytes) = chunk.get(from..).filter(|bytes| !bytes.is_empty()) else { break };
            let count = bytes.len().min(rest.len());
            if let (Some(to), Some(bytes)) = (rest.get_mut(..count), bytes.get(..count)) {
                to.copy_from_slice(bytes);
            }
            filled += count;
        }
        Ok(filled)
    }
}

fn short(location: &str) -> Error {
    Error::new(Kind::Unavailable, "an object came with fewer or more bytes than it has").context("at", location)
}

fn cut_off(location: &str, error: tokio::task::JoinError) -> Error {
    Error::new(Kind::Unexpected, "a request was cut off").context("at", location).source(error)
}
