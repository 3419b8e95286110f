//! Knowing a file again by its first bytes and by those before the place that was reached.
use std::io::Read;

use thyme_core::Result;

use super::bytes::{self, RawReader};
use super::options::ReadOptions;
use super::state::{At, End, PRINT_BYTES, print};
use crate::storage::{ReadAt, Storage};

/// Whether the file at `key` begins with what was read up to `at`.
///
/// # Errors
/// Those of the storage. A file that is not there, is too short or can't be decompressed so far does not.
pub(super) fn continues<S: Storage>(storage: &S, options: &ReadOptions, key: &str, at: &At) -> Result<bool> {
    let Some(opened) = storage.open(key)? else { return Ok(false) };
    if at.offset == 0 && at.head == 0 {
        return Ok(true);
    }
    let raw = |e| bytes::failed(&storage.location(key), e);
    let head = read(&*opened.bytes, 0, PRINT_BYTES).map_err(raw)?;
    let Ok((format, compression)) = options.kind_of(key, &head) else { return Ok(false) };
    if format.is_closed() {
        // A damaged file was not known to its end.
        let foot = foot(&*opened.bytes, opened.entry.size).map_err(raw)?;
        return Ok(print(&head) == at.head && (at.end == End::Damaged || foot == at.tail));
    }
    let bytes = RawReader::new(opened.bytes, opened.entry.size);
    let Ok(mut stream) = bytes::open(bytes, compression) else { return Ok(false) };
    let mut front = Front::default();
    // Most files differ in their first bytes.
    let first = at.offset.min(PRINT_BYTES as u64);
    let skipped = match skip(&mut stream, first, &mut front) {
        Ok(true) if front.head() != at.head => return Ok(false),
        Ok(true) => skip(&mut stream, at.offset - first, &mut front),
        other => other,
    };
    match skipped {
        Ok(true) => Ok(front.head() == at.head && front.tail() == at.tail),
        Ok(false) => Ok(false),
        Err(error) => match stream.outage() {
            Some(outage) => Err(raw(outage)),
            None => {
                tracing::debug!(key, %error, "a file that is compared can't be decompressed so far");
                Ok(false)
            }
        },
    }
}

/// The first bytes of a stream, and the last ones that went by.
#[derive(Clone, Debug, Default)]
pub(super) struct Front {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Front {
    /// `bytes` came next.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let missing = PRINT_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(missing));
        let from = bytes.len().saturating_sub(PRINT_BYTES);
        let bytes = bytes.get(from..).unwrap_or_default();
        let over = (self.tail.len() + bytes.len()).saturating_sub(PRINT_BYTES);
        self.tail.drain(..over);
        self.tail.extend_from_slice(bytes);
    }

    pub(super) fn head(&self) -> u64 {
        print(&self.head)
    }

    pub(super) fn tail(&self) -> u64 {
        print(&self.tail)
    }
}

/// Passes over the first `count` bytes of a stream; a raw one is not read in between. False when it is shorter.
pub(super) fn skip(stream: &mut bytes::Stream, count: u64, front: &mut Front) -> std::io::Result<bool> {
    let mut left = count;
    let mut buffer = vec![0; 64 * 1024];
    let print = PRINT_BYTES as u64;
    while left > 0 {
        let missing = PRINT_BYTES.saturating_sub(front.head.len()) as u64;
        if missing == 0 && left > print && stream.jump(left - print) {
            left = print;
            // What lies between is not seen; both ends are.
            front.tail.clear();
        }
        let mut want = left.min(buffer.len() as u64);
        if missing > 0 {
            want = want.min(missing);
        }
        let Some(part) = buffer.get_mut(..usize::try_from(want).unwrap_or(0)) else { return Ok(false) };
        let read = stream.read(part)?;
        if read == 0 {
            return Ok(false);
        }
        front.take(part.get(..read).unwrap_or_default());
        left -= read as u64;
    }
    Ok(true)
}

/// Print of the last bytes of a file.
pub(super) fn foot(bytes: &dyn ReadAt, size: u64) -> std::io::Result<u64> {
    read(bytes, size.saturating_sub(PRINT_BYTES as u64), PRINT_BYTES).map(|foot| print(&foot))
}

fn read(bytes: &dyn ReadAt, offset: u64, count: usize) -> std::io::Result<Vec<u8>> {
    let mut buffer = vec![0; count];
    let read = bytes.read_at(offset, &mut buffer)?;
    buffer.truncate(read);
    Ok(buffer)
}
