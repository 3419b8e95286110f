//! Watches what readers see while the program runs and dies.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use thyme_core::Result;

use super::{failed, visible};
use crate::drive::breaks;

/// Every file that was ever visible.
pub(super) struct Watch {
    folder: PathBuf,
    seen: BTreeMap<PathBuf, Seen>,
}

/// A file as it was when it was first seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    hash: u64,
}

impl Watch {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, seen: BTreeMap::new() }
    }

    /// Files seen so far.
    pub(super) fn files(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.seen.keys().cloned().collect()
    }

    /// New files are whole, and those that were there are there still, untouched.
    pub(super) fn look(&mut self) -> Result<()> {
        let mut there = Vec::new();
        visible(&self.folder, &mut there)?;
        for path in &there {
            let meta = fs::metadata(path).map_err(|e| failed("a visible file can't be looked at", e))?;
            let (inode, bytes, modified) = (meta.ino(), meta.len(), (meta.mtime(), meta.mtime_nsec()));
            match self.seen.get(path) {
                Some(seen) if (seen.inode, seen.bytes, seen.modified) == (inode, bytes, modified) => {}
                Some(seen) => {
                    return Err(breaks(format!(
                        "{} changed after it was visible: inode {} to {inode}, {} bytes to {bytes}",
                        path.display(),
                        seen.inode,
                        seen.bytes
                    )));
                }
                None => {
                    whole(path)?;
                    self.seen.insert(path.clone(), Seen { inode, bytes, modified, hash: hash(path)? });
                }
            }
        }
        match self.seen.keys().find(|path| !there.contains(path)) {
            Some(gone) => Err(breaks(format!("{} was visible and is gone", gone.display()))),
            None => Ok(()),
        }
    }

    /// The content of every file is what it was when it was first seen.
    pub(super) fn again(&self) -> Result<()> {
        for (path, seen) in &self.seen {
            if hash(path)? != seen.hash {
                return Err(breaks(format!("the content of {} changed after it was visible", path.display())));
            }
        }
        Ok(())
    }
}

fn whole(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(|e| failed("a visible file can't be read", e))?;
    let half = |e| breaks(format!("{} is visible and not whole: {e}", path.display()));
    let reader = SerializedFileReader::new(file).map_err(half)?;
    let rows = reader.metadata().file_metadata().num_rows();
    if rows > 0 { Ok(()) } else { Err(breaks(format!("{} is visible and empty", path.display()))) }
}

fn hash(path: &Path) -> Result<u64> {
    let bytes = fs::read(path).map_err(|e| failed("a visible file can't be read", e))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    Ok(hasher.finish())
}
