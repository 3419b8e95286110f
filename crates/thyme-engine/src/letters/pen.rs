//! Writes the dead letters of the commit to come.
use thyme_core::Result;
use thyme_core::state::StateWriter;

use super::Letter;
use super::shelf::{Shelf, write_line};

/// Bytes that wait until they are written.
const WAIT: usize = 64 << 10;

/// Writes the dead letters of a task, commit by commit.
#[derive(Debug)]
pub(crate) struct Pen {
    shelf: Shelf,
    task: String,
    file: Option<Box<dyn StateWriter>>,
    index: u64,
    seq: u64,
    waiting: Vec<u8>,
}

impl Pen {
    pub(crate) fn new(shelf: Shelf, task: &str) -> Self {
        Self { shelf, task: task.to_owned(), file: None, index: 0, seq: 0, waiting: Vec::new() }
    }

    /// Adds a letter to those of commit `letter.seq`; [`Pen::flush`] has to follow before long.
    pub(crate) fn write(&mut self, mut letter: Letter) -> Result<()> {
        letter.index = self.index;
        (self.index, self.seq) = (self.index + 1, letter.seq);
        write_line(&mut self.waiting, &letter)
    }

    /// Writes what waits, if it is much. The first letter of a commit replaces what an earlier attempt left.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        if self.waiting.len() < WAIT { Ok(()) } else { self.put().await }
    }

    async fn put(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(self.shelf.files.begin(&self.shelf.name(&self.task, self.seq)).await?),
        };
        file.write(&std::mem::take(&mut self.waiting)).await
    }

    /// Makes the letters of the commit to come durable. Whether there were any.
    pub(crate) async fn seal(&mut self) -> Result<bool> {
        if self.index == 0 {
            return Ok(false);
        }
        self.put().await?;
        self.index = 0;
        match self.file.take() {
            Some(file) => file.finish().await.map(|()| true),
            None => Ok(false),
        }
    }
}
