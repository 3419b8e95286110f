//! Bytes of a file on their way to a scanner, in memory that is used again.
use std::io::{self, Read};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read ahead. Its room is never given up and never cleared twice: fresh memory costs more than what is read into it.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    room: Vec<u8>,
    len: usize,
    idle: Option<Idle>,
}

/// Room of buffers that are done with.
#[derive(Clone, Debug)]
pub(super) struct Idle {
    rooms: Arc<Mutex<Vec<Vec<u8>>>>,
    /// A room that grew larger than this for a long record is given up.
    largest: usize,
}

impl Idle {
    /// For buffers of `size` bytes.
    pub(super) fn new(size: usize) -> Self {
        Self { rooms: Arc::default(), largest: size.saturating_mul(2) }
    }

    /// A buffer that holds nothing; its room comes back here when it is dropped.
    pub(super) fn buffer(&self) -> Buffer {
        let room = self.rooms.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Buffer { room, len: 0, idle: Some(self.clone()) }
    }
}

impl Buffer {
    /// Reads until it holds `size` bytes; false at the end of the stream. With an error it holds what came before.
    pub(super) fn fill(&mut self, stream: &mut impl Read, size: usize) -> io::Result<bool> {
        if self.room.len() < size {
            self.room.resize(size, 0);
        }
        loop {
            let Some(rest) = self.room.get_mut(self.len..size).filter(|rest| !rest.is_empty()) else { return Ok(true) };
            match stream.read(rest)? {
                0 => return Ok(false),
                read => self.len += read,
            }
        }
    }

    /// Gives up the first `count` bytes.
    pub(super) fn pass(&mut self, count: usize) {
        let count = count.min(self.len);
        self.room.copy_within(count..self.len, 0);
        self.len -= count;
    }

    /// Takes the first `count` bytes out, as a buffer of their own.
    pub(super) fn split_to(&mut self, count: usize) -> Self {
        let mut rest = self.idle.as_ref().map_or_else(Self::default, Idle::buffer);
        rest.push(self.get(count..).unwrap_or_default());
        let mut front = std::mem::replace(self, rest);
        front.len = front.len.min(count);
        front
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.room.len() < end {
            self.room.resize(end, 0);
        }
        if let Some(room) = self.room.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
        }
        self.len = end;
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(Idle { rooms, largest }) = self.idle.take()
            && (1..=largest).contains(&self.room.len())
        {
            rooms.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.room));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Idle;

    #[test]
    fn room_is_used_again_and_its_old_bytes_are_never_seen() {
        let idle = Idle::new(8);
        let mut buffer = idle.buffer();
        assert!(buffer.fill(&mut &b"abcdefgh"[..], 6).unwrap());
        assert_eq!(&*buffer, b"abcdef");
        let front = buffer.split_to(4);
        assert_eq!((&*front, &*buffer), (&b"abcd"[..], &b"ef"[..]));
        let room = front.room.as_ptr();
        drop(front);
        let mut again = idle.buffer();
        assert_eq!(again.room.as_ptr(), room);
        assert!(again.is_empty());
        assert!(!again.fill(&mut &b"xy"[..], 6).unwrap());
        assert_eq!(&*again, b"xy");
        again.pass(1);
        assert_eq!(&*again, b"y");
        again.pass(9);
        assert!(again.is_empty());
    }

    #[test]
    fn room_that_grew_too_large_is_given_up() {
        let idle = Idle::new(2);
        let mut buffer = idle.buffer();
        buffer.fill(&mut &[0; 9][..], 9).unwrap();
        drop(buffer);
        assert!(idle.rooms.lock().unwrap().is_empty());
    }
}
