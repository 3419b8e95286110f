//! The bucket: read by object_store, written by the JSON API, whose conditions hold for every way to make an object.
use std::fmt;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::gcp::GoogleCloudStorage;
use object_store::path::Path;
use object_store::{
    Attribute, CopyMode, CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use thyme_core::bytes::Bytes;
use thyme_core::testing;
use thyme_files::objects::failed;
use thyme_files::write::{Copies, MARK};

use crate::api::{Api, broke};
use crate::upload::Resumable;

/// What divides the description of an object from its bytes; no description holds it.
const DIVIDER: &str = "thyme-7e1fd6e0c2b94a33";

/// A bucket.
#[derive(Debug)]
pub(crate) struct GcsStore {
    reading: GoogleCloudStorage,
    api: Api,
}

impl GcsStore {
    pub(crate) fn new(reading: GoogleCloudStorage, api: Api) -> Self {
        Self { reading, api }
    }

    /// Copies an object; `generation` is what the new one replaces, 0 for none. `false`: that did not hold, or there is none.
    async fn rewrite(&self, from: &str, to: &str, generation: Option<&str>, mark: Option<&str>) -> Result<bool> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Rewritten {
            done: bool,
            rewrite_token: Option<String>,
        }
        let mut token: Option<String> = None;
        let body = mark.map_or_else(|| json!({}), |mark| json!({"metadata": {MARK: mark}}));
        loop {
            let query = [("ifGenerationMatch", generation), ("rewriteToken", token.as_deref())];
            let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let request = |client: &reqwest::Client| client.post(self.api.rewrite(from, to)).query(&query).json(&body);
            let answer = self.api.send(to, &[StatusCode::PRECONDITION_FAILED, StatusCode::NOT_FOUND], request).await?;
            if !answer.status().is_success() {
                return Ok(false);
            }
            let rewritten: Rewritten = answer.json().await.map_err(broke)?;
            if rewritten.done {
                return Ok(true);
            }
            token = rewritten.rewrite_token;
        }
    }
}

impl fmt::Display for GcsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reading.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for GcsStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        #[derive(Deserialize)]
        struct Put {
            etag: Option<String>,
            generation: Option<String>,
        }
        let generation = match &options.mode {
            PutMode::Overwrite => None,
            PutMode::Create => Some("0".to_owned()),
            PutMode::Update(version) => Some(version.version.clone().unwrap_or_default()),
        };
        let metadata: serde_json::Map<_, _> = options
            .attributes
            .iter()
            .filter_map(|(name, value)| match name {
                Attribute::Metadata(name) => Some((name.to_string(), value.as_ref().into())),
                _ => None,
            })
            .collect();
        let about = json!({"name": location.as_ref(), "metadata": metadata});
        let mut body = format!("--{DIVIDER}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{about}\r\n").into_bytes();
        body.extend_from_slice(format!("--{DIVIDER}\r\nContent-Type: application/octet-stream\r\n\r\n").as_bytes());
        payload.iter().for_each(|part| body.extend_from_slice(part));
        body.extend_from_slice(format!("\r\n--{DIVIDER}--\r\n").as_bytes());
        let body = Bytes::from(body);
        let mut query = vec![("uploadType", "multipart")];
        query.extend(generation.as_deref().map(|generation| ("ifGenerationMatch", generation)));
        let request = |client: &reqwest::Client| {
            let kind = format!("multipart/related; boundary={DIVIDER}");
            client.post(self.api.uploads()).query(&query).header(CONTENT_TYPE, kind).body(body.clone())
        };
        let answer = self.api.send(location.as_ref(), &[], request).await.map_err(|error| match error {
            StoreError::Precondition { path, source } if options.mode == PutMode::Create => {
                StoreError::AlreadyExists { path, source }
            }
            other => other,
        })?;
        let put: Put = answer.json().await.map_err(broke)?;
        Ok(PutResult { e_tag: put.etag, version: put.generation })
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Resumable::begin(self.api.clone(), location.to_string()).await?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.reading.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let api = self.api.clone();
        let delete = move |location: Path| {
            let api = api.clone();
            async move {
                let url = api.object(location.as_ref());
                api.send(location.as_ref(), &[], |client| client.delete(&url)).await?;
                Ok(location)
            }
        };
        locations.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.reading.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.reading.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.reading.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let create = options.mode == CopyMode::Create;
        if self.rewrite(from.as_ref(), to.as_ref(), create.then_some("0"), None).await? {
            return Ok(());
        }
        let source = "there is no such object, or the name is taken".into();
        Err(StoreError::Precondition { path: to.to_string(), source })
    }
}

#[async_trait]
impl Copies for GcsStore {
    async fn copy(&self, from: &str, to: &str, mark: &str, _: u64) -> thyme_core::Result<bool> {
        testing::point("object.before_complete");
        self.rewrite(from, to, Some("0"), Some(mark)).await.map_err(|e| failed("copy an object", to, e))
    }

    /// What is not ended is forgotten by the server after a week, and costs nothing until then.
    async fn abort(&self, _: &str) -> thyme_core::Result<()> {
        Ok(())
    }
}
