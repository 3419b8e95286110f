//! Copies under a condition, by Amazon's own client where object_store has no word: of parts, with metadata, cleaned up.
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::{StreamExt, TryStreamExt, stream};
use thyme_core::{Error, Kind, Result, testing};
use thyme_files::objects::failed;
use thyme_files::write::{Copies, MARK};

/// Bytes that the server copies as one part: at most 10,000 of them make an object of 5 TB.
const PART_BYTES: u64 = 512 << 20;
/// Parts that are copied at the same time.
const PARTS: usize = 4;

/// Copies in one bucket.
#[derive(Clone, Debug)]
pub(crate) struct S3Copies {
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

/// Answers that say something about the objects and uploads, rather than about the request: what is there tells more.
const STANDS: &[&str] = &[
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "OperationAborted",
    "NoSuchUpload",
    "NoSuchKey",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidRequest",
    "EntityTooSmall",
];

impl S3Copies {
    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// What an error of Amazon's client means; `None`: look at what is there.
    fn broke<E, R>(&self, what: &str, key: &str, error: SdkError<E, R>) -> Option<Error>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        if let Some(code) = error.code().filter(|code| STANDS.contains(code)) {
            tracing::debug!(at = self.place(key), what, code, message = error.message(), "refused; what is there tells more");
            return None;
        }
        let text = DisplayErrorContext(&error).to_string();
        Some(failed(what, &self.place(key), object_store::Error::Generic { store: "S3", source: text.into() }))
    }

    /// Copies all parts and makes an object of them. `None`: look at what is there.
    async fn parts(&self, from: &str, to: &str, id: &str, size: u64) -> std::result::Result<(), Option<Error>> {
        let source = format!("{}/{}", self.bucket, encoded(from));
        let numbers = (1_i32..).zip((0..size).step_by(PART_BYTES as usize));
        let copies = numbers.map(|(number, begin)| {
            let range = format!("bytes={begin}-{}", (begin + PART_BYTES).min(size) - 1);
            let copy = self.client.upload_part_copy().bucket(&self.bucket).key(to).upload_id(id).part_number(number);
            let copy = copy.copy_source(&source).copy_source_range(range).send();
            async move {
                let copied = copy.await.map_err(|error| self.broke("copy an object", to, error))?;
                let etag = copied.copy_part_result.and_then(|part| part.e_tag);
                Ok::<_, Option<Error>>(CompletedPart::builder().part_number(number).set_e_tag(etag).build())
            }
        });
        let parts: Vec<_> = stream::iter(copies).buffered(PARTS).try_collect().await?;
        testing::point("object.before_complete");
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(to).upload_id(id);
        let done = complete.if_none_match("*").multipart_upload(parts).send().await;
        done.map(drop).map_err(|error| self.broke("copy an object", to, error))
    }

    async fn abort_one(&self, key: &str, id: &str) -> Result<()> {
        let done = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(id).send().await;
        done.map(drop).or_else(|error| self.broke("abort an upload", key, error).map_or(Ok(()), Err))
    }
}

#[async_trait]
impl Copies for S3Copies {
    async fn copy(&self, from: &str, to: &str, mark: &str, size: u64) -> Result<bool> {
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(to).metadata(MARK, mark).send().await;
        let id = match begun {
            Ok(begun) => begun.upload_id,
            Err(error) => return self.broke("copy an object", to, error).map_or(Ok(false), Err),
        };
        let id = id.ok_or_else(|| Error::new(Kind::Unexpected, "an upload has no id").context("at", self.place(to)))?;
        match self.parts(from, to, &id, size).await {
            Ok(()) => Ok(true),
            Err(error) => {
                self.abort_one(to, &id).await?;
                error.map_or(Ok(false), Err)
            }
        }
    }

    async fn abort(&self, key: &str) -> Result<()> {
        let list = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(key);
        let (mut after, mut after_id) = (None, None);
        loop {
            let page = list.clone().set_key_marker(after).set_upload_id_marker(after_id).send().await;
            let page = match page {
                Ok(page) => page,
                Err(error) => return self.broke("list uploads", key, error).map_or(Ok(()), Err),
            };
            for upload in page.uploads().iter().filter(|upload| upload.key() == Some(key)) {
                if let Some(id) = upload.upload_id() {
                    self.abort_one(key, id).await?;
                }
            }
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(());
            }
            after = page.next_key_marker().map(str::to_owned);
            after_id = page.next_upload_id_marker().map(str::to_owned);
        }
    }
}

/// A key as a header names it.
fn encoded(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let each = key.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    each.collect()
}
