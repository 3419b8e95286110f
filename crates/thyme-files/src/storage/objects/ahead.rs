//! Objects opened one after another, those to come fetched ahead: the time of a small one is that of its request.
use std::collections::VecDeque;

use thyme_core::{Error, Kind, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{ObjectStorage, bytes};
use crate::storage::{Opened, Opener, Wanted};

/// Requests at the same time for the files of one group.
const REQUESTS: usize = 16;

type Coming = JoinHandle<Result<Option<Opened>>>;

struct Ahead {
    storage: ObjectStorage,
    files: Vec<Wanted>,
    /// The next file to ask for.
    next: usize,
    coming: VecDeque<(usize, u64, Coming)>,
    /// Bytes that may be on their way, and those that are.
    memory: usize,
    held: u64,
    runtime: Handle,
}

/// Opens each of `files` when it is asked for it, and fetches ahead as many as `memory` bytes hold.
pub(super) fn opener(storage: ObjectStorage, files: Vec<Wanted>, memory: usize, runtime: Handle) -> Opener {
    let mut ahead = Ahead { storage, files, next: 0, coming: VecDeque::new(), memory, held: 0, runtime };
    Box::new(move |number| ahead.open(number))
}

impl Ahead {
    fn open(&mut self, number: usize) -> Result<Option<Opened>> {
        // Files that were passed over.
        while self.coming.front().is_some_and(|(known, ..)| *known < number) {
            if let Some((_, size, task)) = self.coming.pop_front() {
                task.abort();
                self.held -= size;
            }
        }
        self.next = self.next.max(number);
        self.ask();
        let Some((_, size, task)) = self.coming.pop_front() else { return Ok(None) };
        let opened = self.runtime.block_on(task);
        self.held -= size;
        self.ask();
        opened.map_err(|e| Error::new(Kind::Unexpected, "a request was cut off").source(e))?
    }

    fn ask(&mut self) {
        while self.coming.len() < REQUESTS
            && let Some(wanted) = self.files.get(self.next).cloned()
        {
            let size = bytes::first(wanted.size, self.memory);
            if !self.coming.is_empty() && self.held + size > self.memory as u64 {
                break;
            }
            let load = bytes::load(self.storage.clone(), wanted, self.memory, self.runtime.clone());
            self.coming.push_back((self.next, size, self.runtime.spawn(load)));
            self.held += size;
            self.next += 1;
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.coming.iter().for_each(|(.., task)| task.abort());
    }
}
