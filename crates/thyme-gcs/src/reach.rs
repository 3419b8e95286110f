//! The bucket, reached.
use std::sync::Arc;
use std::time::Duration;

use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use thyme_core::{Error, Kind, Result};
use thyme_files::storage::{Bucket, Habits};
use tokio::sync::OnceCell;

use crate::api::Api;
use crate::config::Connection;
use crate::identity;
use crate::store::GcsStore;

/// What URIs begin with.
pub(crate) const SCHEMES: [&str; 2] = ["gs", "gcs"];

/// Keys are listed in order, and an object is as old as the end of its upload.
pub(crate) const HABITS: Habits = Habits { ordered: true, dated_by_begin: false };

/// Tries of one request, and the time they may take together: the engine tries again what fails for longer.
const RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// A bucket that is reached when it is first needed, and stays so.
#[derive(Clone, Default)]
pub(crate) struct Reach(Arc<OnceCell<Arc<GcsStore>>>);

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("reached", &self.0.initialized()).finish()
    }
}

impl Reach {
    /// The way to the bucket; nothing is sent yet.
    pub(crate) async fn get(&self, connection: &Connection, bucket: &Bucket) -> Result<&Arc<GcsStore>> {
        self.0.get_or_try_init(|| async { reach(connection, bucket) }).await
    }
}

fn reach(connection: &Connection, bucket: &Bucket) -> Result<Arc<GcsStore>> {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(5), base: 2.0 };
    let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT };
    let plain = connection.endpoint_url.as_deref().is_some_and(|url| url.starts_with("http://"));
    let options = ClientOptions::new().with_allow_http(plain).with_connect_timeout(Duration::from_secs(5));
    let mut builder =
        GoogleCloudStorageBuilder::new().with_bucket_name(&bucket.name).with_client_options(options).with_retry(retry);
    if let Some(url) = &connection.endpoint_url {
        builder = builder.with_base_url(url);
    }
    let token = identity::find(&connection.identity)?.map(Arc::new);
    builder = match &token {
        Some(token) => builder.with_credentials(Arc::clone(token) as _),
        None => builder.with_skip_signature(true),
    };
    let wrong = || Error::new(Kind::Config, "the bucket can't be addressed").context("bucket", bucket.uri());
    let reading = builder.build().map_err(|e| wrong().source(e))?;
    let api = Api::new(connection.endpoint_url.as_deref(), &bucket.name, token).map_err(|e| wrong().source(e))?;
    Ok(Arc::new(GcsStore::new(reading, api)))
}
