//! The bytes of a file as a stream, decompressed, with damage told from outage.
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use thyme_core::bytes::Bytes;
use thyme_core::{Error, Kind};
use thyme_formats::compression::Compression;

use crate::storage::ReadAt;

const BUFFER: usize = 256 * 1024;

/// The bytes of a file from its start to where it ended when it was opened.
pub(super) struct RawReader {
    bytes: Arc<dyn ReadAt>,
    size: u64,
    at: Arc<AtomicU64>,
    outage: Arc<Mutex<Option<io::Error>>>,
}

impl RawReader {
    pub(super) fn new(bytes: Arc<dyn ReadAt>, size: u64) -> Self {
        Self { bytes, size, at: Arc::default(), outage: Arc::default() }
    }

    /// Where the error of the storage is kept, if it is one.
    pub(super) fn outage(&self) -> Arc<Mutex<Option<io::Error>>> {
        Arc::clone(&self.outage)
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The same file from `at` on.
    pub(super) fn from(&self, at: u64) -> Self {
        let (bytes, outage) = (Arc::clone(&self.bytes), self.outage());
        Self { bytes, size: self.size, at: Arc::new(at.into()), outage }
    }

    /// `length` bytes from `at` on, fewer where the file ends before.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn bytes_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        self.bytes.bytes_at(at, length).map_err(|error| self.keep(error))
    }

    /// Keeps what the storage failed with; the same for those who read.
    fn keep(&self, error: io::Error) -> io::Error {
        let same = io::Error::new(error.kind(), error.to_string());
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        same
    }
}

impl Seek for RawReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.load(Ordering::Relaxed).checked_add_signed(by),
        };
        let to = to.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the begin of the file"))?;
        self.at.store(to, Ordering::Relaxed);
        Ok(to)
    }
}

impl Read for RawReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.at.load(Ordering::Relaxed);
        let most = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..most) else { return Ok(0) };
        let read = self.bytes.read_at(at, part).map_err(|error| self.keep(error))?;
        self.at.store(at + read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A file's bytes, decompressed.
pub(super) struct Stream {
    reader: Box<dyn Read + Send>,
    raw: bool,
    size: u64,
    at: Arc<AtomicU64>,
    outage: Arc<Mutex<Option<io::Error>>>,
}

/// `raw`, decompressed.
pub(super) fn open(raw: RawReader, compression: Compression) -> io::Result<Stream> {
    let (size, at, outage) = (raw.size, Arc::clone(&raw.at), Arc::clone(&raw.outage));
    let plain = compression == Compression::None;
    let reader: Box<dyn Read + Send> =
        if plain { Box::new(raw) } else { compression.reader(BufReader::with_capacity(BUFFER, raw))? };
    Ok(Stream { reader, raw: plain, size, at, outage })
}

impl Stream {
    /// Bytes of the file itself that were read so far; of a compressed one, some ahead.
    pub(super) fn raw_offset(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    /// The error of the storage, if it was one: else the file is damaged.
    pub(super) fn outage(&self) -> Option<io::Error> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Goes on `count` bytes without reading them, if it can.
    pub(super) fn jump(&mut self, count: u64) -> bool {
        let to = self.raw_offset().saturating_add(count);
        let can = self.raw && to <= self.size;
        if can {
            self.at.store(to, Ordering::Relaxed);
        }
        can
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

/// The error of a storage while the file at `path` was read.
pub(super) fn failed(path: &str, error: io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(known) => return known,
        Err(other) => other,
    };
    let kind = match error.kind() {
        io::ErrorKind::NotFound => Kind::NotFound,
        io::ErrorKind::PermissionDenied => Kind::Auth,
        _ => Kind::Unavailable,
    };
    Error::new(kind, "cannot read the file").context("path", path).source(error)
}
