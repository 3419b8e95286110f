//! Uploads in parts, by Amazon's own client where object_store has no word: completed under a condition, listed, aborted.
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use thyme_core::bytes::Bytes;
use thyme_core::{Error, Kind, Result};
use thyme_files::objects::failed;
use thyme_files::write::{Completed, Parts};

/// The name of the mark among the object's metadata.
const MARK: &str = "thyme";
/// Tries of a completion that another one of the same key stands in the way of.
const TRIES: u32 = 5;

/// Uploads in parts to one bucket.
#[derive(Clone, Debug)]
pub(crate) struct S3Parts {
    pub(crate) store: Arc<AmazonS3>,
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

impl S3Parts {
    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    fn path(&self, key: &str) -> Result<Path> {
        Path::parse(key).map_err(|e| failed("name an object", &self.place(key), e.into()))
    }

    /// What an error of Amazon's client means.
    fn broke<E, R>(&self, what: &str, key: &str, error: SdkError<E, R>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let text = DisplayErrorContext(&error).to_string();
        failed(what, &self.place(key), object_store::Error::Generic { store: "S3", source: text.into() })
    }
}

#[async_trait]
impl Parts for S3Parts {
    async fn create(&self, key: &str, mark: &str) -> Result<String> {
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(key).metadata(MARK, mark).send().await;
        let begun = begun.map_err(|error| self.broke("begin an upload", key, error))?;
        begun.upload_id.ok_or_else(|| Error::new(Kind::Unexpected, "an upload has no id").context("at", self.place(key)))
    }

    async fn put(&self, key: &str, id: &str, number: usize, bytes: Bytes) -> Result<String> {
        let part = self.store.put_part(&self.path(key)?, &id.to_owned(), number, bytes.into()).await;
        Ok(part.map_err(|e| failed("send a part", &self.place(key), e))?.content_id)
    }

    async fn complete(&self, key: &str, id: &str, etags: &[String]) -> Result<Completed> {
        let parts = (1..).zip(etags).map(|(number, etag)| CompletedPart::builder().part_number(number).e_tag(etag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let mut tried = 0;
        loop {
            let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(id);
            let done = complete.if_none_match("*").multipart_upload(parts.clone()).send().await;
            let Err(error) = done else { return Ok(Completed::Done) };
            let status = error.raw_response().map(|response| response.status().as_u16());
            match (error.code(), status) {
                (Some("NoSuchUpload"), _) => return Ok(Completed::Gone),
                (Some("PreconditionFailed"), _) | (_, Some(412)) => return Ok(Completed::Taken),
                (Some("ConditionalRequestConflict" | "OperationAborted"), _) if tried < TRIES => {
                    tried += 1;
                    tokio::time::sleep(std::time::Duration::from_millis(100) * tried).await;
                }
                _ => return Err(self.broke("complete an upload", key, error)),
            }
        }
    }

    async fn abort(&self, key: &str, id: &str) -> Result<()> {
        let done = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(id).send().await;
        match done {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(self.broke("abort an upload", key, error)),
        }
    }

    async fn exists(&self, key: &str, id: &str) -> Result<bool> {
        let parts = self.client.list_parts().bucket(&self.bucket).key(key).upload_id(id).max_parts(1).send().await;
        match parts {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(false),
            Err(error) => Err(self.broke("look at an upload", key, error)),
        }
    }

    async fn begun(&self, key: &str) -> Result<Vec<(String, i64)>> {
        let mut found = Vec::new();
        let list = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(key);
        let (mut after, mut after_id) = (None, None);
        loop {
            let page = list.clone().set_key_marker(after).set_upload_id_marker(after_id).send().await;
            let page = page.map_err(|error| self.broke("list uploads", key, error))?;
            for upload in page.uploads().iter().filter(|upload| upload.key() == Some(key)) {
                let begun = upload.initiated().map_or(0, |begun| begun.secs().saturating_mul(1_000_000));
                found.extend(upload.upload_id().map(|id| (id.to_owned(), begun)));
            }
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(found);
            }
            after = page.next_key_marker().map(str::to_owned);
            after_id = page.next_upload_id_marker().map(str::to_owned);
        }
    }

    async fn mark(&self, key: &str) -> Result<Option<String>> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(head) => Ok(Some(head.metadata.and_then(|mut all| all.remove(MARK)).unwrap_or_default())),
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 404) => Ok(None),
            Err(error) => Err(self.broke("look at an object", key, error)),
        }
    }
}
