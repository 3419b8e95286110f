//! Writes the dead letters of the commit to come.
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use thyme_core::Result;

use super::Letter;
use super::shelf::{Shelf, write_line};
use crate::lock::unusable;

/// Writes the dead letters of a task, commit by commit.
#[derive(Debug)]
pub(crate) struct Pen {
    shelf: Shelf,
    task: String,
    file: Option<(BufWriter<File>, PathBuf)>,
    index: u64,
    line: Vec<u8>,
}

impl Pen {
    pub(crate) fn new(shelf: Shelf, task: &str) -> Self {
        Self { shelf, task: task.to_owned(), file: None, index: 0, line: Vec::new() }
    }

    /// Adds a letter to those of commit `letter.seq`; the first of a commit replaces what an earlier attempt left.
    pub(crate) fn write(&mut self, mut letter: Letter) -> Result<()> {
        let (file, path) = match &mut self.file {
            Some(open) => open,
            None => {
                let path = self.shelf.path(&self.task, letter.seq);
                let create = || {
                    fs::create_dir_all(&self.shelf.folder)?;
                    File::create(&path)
                };
                let file = BufWriter::with_capacity(64 << 10, create().map_err(|e| unusable(&path, e))?);
                self.index = 0;
                self.file.insert((file, path))
            }
        };
        letter.index = self.index;
        self.index += 1;
        self.line.clear();
        write_line(&mut self.line, &letter)?;
        file.write_all(&self.line).map_err(|e| unusable(path, e))
    }

    /// Makes the letters of the commit to come durable. Whether there were any.
    pub(crate) fn seal(&mut self) -> Result<bool> {
        let Some((file, path)) = self.file.take() else { return Ok(false) };
        let sync = || {
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            File::open(&self.shelf.folder)?.sync_all()
        };
        sync().map_err(|e| unusable(&path, e))?;
        Ok(true)
    }
}
