//! A bucket of a real server, and what is in it, by another client than the one under test.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};
use thyme_core::{Error, Kind, Result};
use thyme_s3::{S3Sink, S3Source};
use thyme_testkit::objects::{ACCESS_KEY, Program, REGION, SECRET, Server};

/// A folder of its own in a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) url: String,
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) store: Arc<AmazonS3>,
}

impl Folder {
    /// A new one on the server of this process.
    pub(crate) fn new() -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let server = Server::shared(Program::s3()?)?;
        Self::on(server, format!("f{}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// The folder `prefix` of a new bucket on `server`.
    pub(crate) fn on(server: &Server, prefix: impl Into<String>) -> Result<Self> {
        Self::at(&server.url(), &server.bucket("bucket")?, &prefix.into())
    }

    /// The folder that [`Folder::place`] names.
    pub(crate) fn of(place: &str) -> Result<Self> {
        let parts: Vec<_> = place.split(' ').collect();
        Self::at(parts[0], parts[1], parts[2])
    }

    fn at(url: &str, bucket: &str, prefix: &str) -> Result<Self> {
        let builder =
            AmazonS3Builder::new().with_bucket_name(bucket).with_region(REGION).with_endpoint(url).with_allow_http(true);
        let store = builder.with_access_key_id(ACCESS_KEY).with_secret_access_key(SECRET).build().map_err(broke)?;
        Ok(Self { url: url.into(), bucket: bucket.into(), prefix: prefix.into(), store: Arc::new(store) })
    }

    /// In words, for another process.
    pub(crate) fn place(&self) -> String {
        format!("{} {} {}", self.url, self.bucket, self.prefix)
    }

    pub(crate) fn path(&self, name: &str) -> Path {
        Path::parse(format!("{}/{name}", self.prefix)).unwrap()
    }

    pub(crate) fn uri(&self, name: &str) -> String {
        format!("s3://{}/{}/{name}", self.bucket, self.prefix)
    }

    pub(crate) async fn put(&self, name: &str, content: impl Into<Vec<u8>>) {
        self.store.put(&self.path(name), content.into().into()).await.unwrap();
    }

    pub(crate) async fn get(&self, name: &str) -> Vec<u8> {
        self.store.get(&self.path(name)).await.unwrap().bytes().await.unwrap().into()
    }

    /// The names of all objects in it, in order.
    pub(crate) async fn names(&self) -> Vec<String> {
        let prefix = Path::parse(&self.prefix).unwrap();
        let found: Vec<_> = self.store.list(Some(&prefix)).try_collect().await.unwrap();
        let mut names: Vec<_> = found.iter().map(|meta| meta.location.as_ref()[self.prefix.len() + 1..].to_owned()).collect();
        names.sort();
        names
    }

    /// Those that readers see.
    pub(crate) async fn visible(&self) -> Vec<String> {
        let hidden = |name: &String| name.split('/').any(|part| part.starts_with(['_', '.']));
        self.names().await.into_iter().filter(|name| !hidden(name)).collect()
    }

    /// A configuration of what `name`, a pattern perhaps, means here; `extra` has the last word.
    pub(crate) fn config(&self, name: &str, extra: Value) -> Value {
        let mut config = json!({
            "bucket_uri": self.uri(name), "endpoint_url": self.url, "region": REGION, "access_key": ACCESS_KEY, "secret": SECRET,
        });
        for (field, value) in extra.as_object().unwrap() {
            config[field] = value.clone();
        }
        config
    }

    pub(crate) fn source(&self, name: &str, extra: Value) -> S3Source {
        S3Source::new(serde_json::from_value(self.config(name, extra)).unwrap())
    }

    pub(crate) fn sink(&self, name: &str, extra: Value) -> S3Sink {
        S3Sink::new(serde_json::from_value(self.config(name, extra)).unwrap())
    }
}

fn broke(error: object_store::Error) -> Error {
    Error::new(Kind::Unavailable, "the bucket can't be reached").source(error)
}
