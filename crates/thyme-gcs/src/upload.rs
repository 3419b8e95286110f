//! Large objects: uploads that go on from chunk to chunk, and are an object when the last one came.
use async_trait::async_trait;
use object_store::{Error as StoreError, MultipartUpload, PutPayload, PutResult, Result, UploadPart};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, LOCATION, RANGE};
use serde_json::json;
use thyme_core::bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::api::Api;

/// What is sent in one request is a multiple of this, but for the last.
const STEP: usize = 256 << 10;

/// An upload; its chunks go one after the other, in the order they came.
#[derive(Debug)]
pub(crate) struct Resumable {
    chunks: Option<mpsc::UnboundedSender<(Bytes, oneshot::Sender<Result<()>>)>>,
    worker: JoinHandle<Result<()>>,
}

impl Resumable {
    pub(crate) async fn begin(api: Api, key: String) -> Result<Self> {
        let answer = api
            .send(&key, &[], |client| {
                client.post(api.uploads()).query(&[("uploadType", "resumable")]).json(&json!({"name": key}))
            })
            .await?;
        let session = answer.headers().get(LOCATION).and_then(|url| url.to_str().ok()).map(str::to_owned);
        let session = session.ok_or_else(|| wrong("an upload was begun without a place to send it to"))?;
        let (chunks, coming) = mpsc::unbounded_channel();
        let sending = Sending { api, key, session, waiting: Vec::new(), sent: 0 };
        Ok(Self { chunks: Some(chunks), worker: tokio::spawn(sending.run(coming)) })
    }
}

impl Drop for Resumable {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

#[async_trait]
impl MultipartUpload for Resumable {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (done, sent) = oneshot::channel();
        if let Some(chunks) = &self.chunks {
            // The worker is gone only after an error, which its end tells.
            let _ = chunks.send((data.into(), done));
        }
        Box::pin(async move { sent.await.unwrap_or_else(|_| Err(wrong("an upload broke off"))) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.chunks = None;
        let done = (&mut self.worker).await;
        done.unwrap_or_else(|_| Err(wrong("an upload was cut off")))?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.chunks = None;
        self.worker.abort();
        Ok(())
    }
}

struct Sending {
    api: Api,
    key: String,
    session: String,
    waiting: Vec<u8>,
    /// Bytes that the server has.
    sent: u64,
}

impl Sending {
    async fn run(mut self, mut coming: mpsc::UnboundedReceiver<(Bytes, oneshot::Sender<Result<()>>)>) -> Result<()> {
        while let Some((chunk, done)) = coming.recv().await {
            // What waits is not the end.
            while self.waiting.len() >= STEP {
                let whole = self.waiting.len() / STEP * STEP;
                if let Err(error) = self.send(whole, false).await {
                    let _ = done.send(Err(wrong("an upload broke off")));
                    return Err(error);
                }
            }
            self.waiting.extend_from_slice(&chunk);
            let _ = done.send(Ok(()));
        }
        while !self.send(self.waiting.len(), true).await? {}
        Ok(())
    }

    /// Sends the first `length` bytes that wait. Whether the object is made.
    async fn send(&mut self, length: usize, last: bool) -> Result<bool> {
        let bytes = Bytes::copy_from_slice(self.waiting.get(..length).unwrap_or_default());
        let end = self.sent + length as u64;
        let total = if last { end.to_string() } else { "*".to_owned() };
        let range = if length == 0 { format!("bytes */{total}") } else { format!("bytes {}-{}/{total}", self.sent, end - 1) };
        let send = |client: &reqwest::Client| client.put(&self.session).header(CONTENT_RANGE, &range).body(bytes.clone());
        let answer = self.api.send(&self.key, &[StatusCode::PERMANENT_REDIRECT], send).await?;
        if answer.status() != StatusCode::PERMANENT_REDIRECT {
            return if last { Ok(true) } else { Err(wrong("an upload was ended before its end")) };
        }
        // It may have kept less than all of it.
        let kept = answer.headers().get(RANGE).and_then(|range| range.to_str().ok()?.rsplit('-').next()?.parse::<u64>().ok());
        let kept = kept.map_or(0, |last| last + 1);
        let moved = kept.checked_sub(self.sent).and_then(|moved| usize::try_from(moved).ok()).filter(|moved| *moved <= length);
        let moved = moved.ok_or_else(|| wrong("a server has other bytes of an upload than it was sent"))?;
        if moved == 0 {
            return Err(wrong("a server takes no more of an upload"));
        }
        self.waiting.drain(..moved);
        self.sent = kept;
        Ok(false)
    }
}

fn wrong(text: &str) -> StoreError {
    StoreError::Generic { store: "GCS", source: text.into() }
}
