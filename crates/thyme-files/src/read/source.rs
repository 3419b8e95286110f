//! What a connector of files makes its source from.
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use thyme_core::{Cursor, Error, Job, Kind, Plan, Result, Start};

use super::options::{Changed, ReadOptions};
use super::plan::FilesPlan;
use super::state::Base;
use crate::storage::Storage;

/// Changes that are told once; beyond that, they may come again.
const NOTED: usize = 100_000;

/// Files of a storage, read as a stream.
#[derive(Debug)]
pub struct FilesSource<S> {
    shared: Arc<Shared<S>>,
}

/// What the polls of a source and the threads that read for it have in common.
#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) storage: S,
    pub(super) options: ReadOptions,
    pub(super) noted: Noted,
}

/// Changes that were told of. A connector that makes a [`FilesSource`] for each poll keeps one of these from poll to poll.
#[derive(Clone, Debug, Default)]
pub struct Noted(Arc<Mutex<HashSet<u64>>>);

impl Noted {
    /// Tells something about a file once for each of its changes.
    pub(super) fn once(&self, pipeline: &str, id: &str, changed: i64, tell: impl FnOnce()) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= NOTED {
            noted.clear();
        }
        let mut hasher = DefaultHasher::new();
        (pipeline, id, changed).hash(&mut hasher);
        if noted.insert(hasher.finish()) {
            tell();
        }
    }
}

impl ReadOptions {
    /// Whether a file that was read is looked at again as one that may have grown.
    pub(super) fn appends(&self) -> bool {
        self.changed == Changed::Append
    }

    /// Whether more can be added behind the end of the file `key`: not to Parquet, Avro and Arrow.
    pub(super) fn grows(&self, key: &str) -> bool {
        self.kind_of(key, &[]).is_ok_and(|(format, _)| !format.is_closed())
    }
}

impl<S: Storage> FilesSource<S> {
    /// The files of `storage`.
    #[must_use]
    pub fn new(storage: S, options: ReadOptions) -> Self {
        Self::noting(storage, options, Noted::default())
    }

    /// The same, for one poll of several.
    #[must_use]
    pub fn noting(storage: S, options: ReadOptions, noted: Noted) -> Self {
        Self { shared: Arc::new(Shared { storage, options, noted }) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<S>> {
        &self.shared
    }

    /// Where the files lie.
    #[must_use]
    pub fn storage(&self) -> &S {
        &self.shared.storage
    }

    /// How they are read.
    #[must_use]
    pub fn options(&self) -> &ReadOptions {
        &self.shared.options
    }

    /// One poll: every file that is new, or read in part, or grown, since `from`.
    ///
    /// # Errors
    /// `CursorLost` for a cursor that does not parse, `NotFound` for a first poll of nothing.
    pub async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        let base = match &from.base {
            Some(position) => position.get::<Base>()?,
            None if !from.splits.is_empty() => {
                return Err(Error::new(Kind::CursorLost, "the cursor has places in files and no list of them"));
            }
            None => {
                self.shared.storage.check().await?;
                let since = match job.start {
                    Some(Start::At(since)) => Some(since),
                    Some(Start::Latest) => Some(self.shared.storage.now()),
                    Some(Start::Earliest) | None => None,
                };
                Base { since, ..Base::default() }
            }
        };
        Ok(Box::new(FilesPlan::new(Arc::clone(&self.shared), job.clone(), base)))
    }
}
