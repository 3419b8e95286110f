//! A file as an upload in parts, which is completed in its commit.
//!
//! Such an upload belongs to its key from the beginning, and stays where nobody sees it until it is completed or aborted. So
//! that one which a crash left behind is found, a *note* about it is put below `_thyme` before it is begun, and again with its
//! id before its first part. The note goes when the upload is completed or aborted.
use std::collections::VecDeque;
use std::sync::Arc;

use object_store::PutMode;
use serde::{Deserialize, Serialize};
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Kind, Result, async_trait, testing};
use tokio::task::JoinHandle;

use super::ObjectTarget;
use crate::objects::failed;
use crate::write::target::{Target, Upload};

/// Bytes of a part. At most 10,000 of them make an object of 80 GB.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way at the same time.
const PARTS: usize = 3;
/// An upload without a note of its id that was begun within this time may be about to get it.
const YOUNG_US: i64 = 3_600 * 1_000_000;
/// A note that comes later than this after the beginning is too late: others may take the upload for forgotten.
const NOTE_WITHIN: std::time::Duration = std::time::Duration::from_secs(600);

/// What became of an upload that was to be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// It is the object now.
    Done,
    /// There is an object of that key, this one or another.
    Taken,
    /// There is no such upload: it was completed or aborted before.
    Gone,
}

/// Uploads in parts, as a store has them. Keys are whole.
#[async_trait]
pub trait Parts: std::fmt::Debug + Send + Sync {
    /// Begins an upload; its id. The object made of it has this mark.
    ///
    /// # Errors
    /// `Auth`, `NotFound` without the bucket, `Unavailable`; so for all of these.
    async fn create(&self, key: &str, mark: &str) -> Result<String>;

    /// Sends the part with this number, from 0; its etag.
    ///
    /// # Errors
    /// As [`Parts::create`].
    async fn put(&self, key: &str, id: &str, number: usize, bytes: Bytes) -> Result<String>;

    /// Makes the object of the parts if there is no object of that key.
    ///
    /// # Errors
    /// As [`Parts::create`].
    async fn complete(&self, key: &str, id: &str, etags: &[String]) -> Result<Completed>;

    /// Gives an upload up. One that is not there is given up.
    ///
    /// # Errors
    /// As [`Parts::create`].
    async fn abort(&self, key: &str, id: &str) -> Result<()>;

    /// Whether there is such an upload.
    ///
    /// # Errors
    /// As [`Parts::create`].
    async fn exists(&self, key: &str, id: &str) -> Result<bool>;

    /// The uploads of exactly this key: their ids, and when they were begun, in µs since 1970.
    ///
    /// # Errors
    /// As [`Parts::create`].
    async fn begun(&self, key: &str) -> Result<Vec<(String, i64)>>;

    /// The mark of the object of this key, empty if it has none; `None` when there is no such object.
    ///
    /// # Errors
    /// As [`Parts::create`].
    async fn mark(&self, key: &str) -> Result<Option<String>>;
}

/// What is said about an upload below `_thyme`.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload: Option<String>,
}

/// A finished upload, as the intent names it.
#[derive(Debug, Serialize, Deserialize)]
struct Whole {
    note: String,
    key: String,
    upload: String,
    parts: Vec<String>,
}

pub(super) struct PartsUpload {
    target: ObjectTarget,
    parts: Arc<dyn Parts>,
    note: String,
    key: String,
    /// Once it is begun.
    id: Option<String>,
    waiting: Vec<u8>,
    sent: usize,
    running: VecDeque<JoinHandle<Result<String>>>,
    etags: Vec<String>,
}

impl PartsUpload {
    pub(super) fn new(target: ObjectTarget, parts: Arc<dyn Parts>, note: String, to: &str) -> Self {
        let key = target.key(to);
        let (waiting, running) = (Vec::new(), VecDeque::new());
        Self { target, parts, note, key, id: None, waiting, sent: 0, running, etags: Vec::new() }
    }

    /// Begins the upload, noted before and after.
    async fn id(&mut self) -> Result<String> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        note(&self.target, &self.note, &Note { key: self.key.clone(), upload: None }).await?;
        let since = tokio::time::Instant::now();
        let id = self.parts.create(&self.key, &self.note).await?;
        testing::point("object.before_note");
        note(&self.target, &self.note, &Note { key: self.key.clone(), upload: Some(id.clone()) }).await?;
        if since.elapsed() > NOTE_WITHIN {
            self.parts.abort(&self.key, &id).await?;
            return Err(Error::new(Kind::Unavailable, "it took too long to begin an upload").context("key", &self.key));
        }
        self.id = Some(id.clone());
        Ok(id)
    }

    /// Sends what waits as a part.
    async fn send(&mut self) -> Result<()> {
        let id = self.id().await?;
        while self.running.len() >= PARTS {
            self.sent().await?;
        }
        let bytes = Bytes::from(std::mem::take(&mut self.waiting));
        let (parts, key, number) = (Arc::clone(&self.parts), self.key.clone(), self.sent);
        self.sent += 1;
        self.running.push_back(tokio::spawn(async move { parts.put(&key, &id, number, bytes).await }));
        Ok(())
    }

    /// Waits for the oldest part.
    async fn sent(&mut self) -> Result<()> {
        if let Some(part) = self.running.pop_front() {
            let cut_off = |e| Error::new(Kind::Unexpected, "an upload was cut off").source(e);
            self.etags.push(part.await.map_err(cut_off)??);
        }
        Ok(())
    }
}

#[async_trait]
impl Upload for PartsUpload {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        if self.waiting.is_empty() {
            self.waiting = bytes;
        } else {
            self.waiting.extend_from_slice(&bytes);
        }
        if self.waiting.len() >= PART_BYTES { self.send().await } else { Ok(()) }
    }

    async fn finish(mut self: Box<Self>) -> Result<String> {
        if !self.waiting.is_empty() || self.sent == 0 {
            self.send().await?;
        }
        while !self.running.is_empty() {
            self.sent().await?;
        }
        testing::point("file.before_sync");
        let upload = self.id().await?;
        let (note, key) = (std::mem::take(&mut self.note), std::mem::take(&mut self.key));
        let whole = Whole { note, key, upload, parts: std::mem::take(&mut self.etags) };
        json(&whole)
    }
}

impl Drop for PartsUpload {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

/// Completes an upload; done before, by anybody, it does nothing.
pub(super) async fn publish(target: &ObjectTarget, parts: &dyn Parts, from: &str, to: &str) -> Result<()> {
    let whole = whole(from)?;
    if whole.key != target.key(to) {
        let text = "an upload in parts belongs to another key than its intent says";
        return Err(Error::new(Kind::Unexpected, text).context("key", whole.key).context("name", to));
    }
    let completed = parts.complete(&whole.key, &whole.upload, &whole.parts).await?;
    if completed != Completed::Done {
        let taken = |text: &str| Err(Error::new(Kind::Conflict, text).context("object", target.place(to)));
        match parts.mark(&whole.key).await? {
            Some(mark) if mark == whole.note => {}
            Some(_) => return taken("another object took the name of a committed one; move it away"),
            None if completed == Completed::Gone => {
                return taken(
                    "the upload of a committed file is gone, and so is its object: it was aborted (by a lifecycle rule?), or its \
                     object was removed before the commit was over",
                );
            }
            None => {
                let text = "the name of a committed object was taken, and is free now";
                return Err(Error::new(Kind::Unavailable, text).context("object", target.place(to)));
            }
        }
    }
    target.remove(&whole.note).await
}

/// Whether a finished upload is still there.
pub(super) async fn exists(target: &ObjectTarget, parts: &dyn Parts, from: &str) -> Result<bool> {
    let (whole, _) = (whole(from)?, target);
    parts.exists(&whole.key, &whole.upload).await
}

/// Aborts the upload that a note is about.
pub(super) async fn discard(target: &ObjectTarget, parts: &dyn Parts, name: &str) -> Result<()> {
    let Some(note) = target.read(name).await? else { return Ok(()) };
    let note: Note = serde_json::from_slice(&note)
        .map_err(|e| Error::new(Kind::CursorLost, "a note about an upload does not parse").context("at", name).source(e))?;
    match note.upload {
        Some(upload) => parts.abort(&note.key, &upload).await?,
        None => {
            let now = jiff::Timestamp::now().as_microsecond();
            let (old, young): (Vec<_>, Vec<_>) =
                parts.begun(&note.key).await?.into_iter().partition(|(_, begun)| *begun < now - YOUNG_US);
            for (upload, _) in &old {
                parts.abort(&note.key, upload).await?;
            }
            if !young.is_empty() {
                return Ok(());
            }
        }
    }
    target.remove(name).await
}

async fn note(target: &ObjectTarget, name: &str, note: &Note) -> Result<()> {
    let put = target.put(name, json(note)?.into(), PutMode::Overwrite).await;
    put.map_err(|e| failed("write an object", &target.place(name), e))
}

fn whole(from: &str) -> Result<Whole> {
    serde_json::from_str(from).map_err(|e| Error::new(Kind::CursorLost, "a stored upload does not parse").source(e))
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::new(Kind::Unexpected, "an upload has no JSON form").source(e))
}
