//! The bucket, reached: object_store for bytes, Amazon's client for what that has no word for.
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::RequestChecksumCalculation;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use thyme_core::{Error, Kind, Result};
use thyme_files::storage::{Bucket, Habits};
use tokio::sync::OnceCell;

use crate::config::Connection;
use crate::identity::{self, Renewed};

/// What URIs begin with.
pub(crate) const SCHEMES: [&str; 2] = ["s3", "s3a"];

/// Tries of one request, and the time they may take together: the engine tries again what fails for longer.
const RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// A bucket that is reached when it is first needed, and stays so.
#[derive(Clone, Default)]
pub(crate) struct Reach(Arc<OnceCell<Reached>>);

/// Both ways to a bucket.
#[derive(Clone)]
pub(crate) struct Reached {
    pub(crate) store: Arc<AmazonS3>,
    pub(crate) client: aws_sdk_s3::Client,
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("reached", &self.0.initialized()).finish()
    }
}

impl Reach {
    /// Both ways to the bucket; nothing is sent yet.
    pub(crate) async fn get(&self, connection: &Connection, bucket: &Bucket) -> Result<&Reached> {
        self.0.get_or_try_init(|| reach(connection, bucket)).await
    }
}

async fn reach(connection: &Connection, bucket: &Bucket) -> Result<Reached> {
    let who = identity::find(connection).await?;
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(5), base: 2.0 };
    let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT };
    let plain = connection.endpoint_url.as_deref().is_some_and(|url| url.starts_with("http://"));
    let options = ClientOptions::new().with_allow_http(plain).with_connect_timeout(Duration::from_secs(5));
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(&who.region)
        .with_virtual_hosted_style_request(!connection.path_style)
        .with_client_options(options)
        .with_retry(retry);
    if let Some(url) = &connection.endpoint_url {
        // With the bucket in the host, object_store wants it there already.
        let url = if connection.path_style { url.clone() } else { url.replacen("://", &format!("://{}.", bucket.name), 1) };
        builder = builder.with_endpoint(url);
    }
    builder = match &who.provider {
        Some(provider) => builder.with_credentials(Arc::new(Renewed::new(provider.clone()))),
        None => builder.with_skip_signature(true),
    };
    let store = builder
        .build()
        .map_err(|e| Error::new(Kind::Config, "the bucket can't be addressed").context("bucket", bucket.uri()).source(e))?;
    let mut config = aws_sdk_s3::config::Builder::from(&who.sdk)
        .region(aws_config::Region::new(who.region))
        .force_path_style(connection.path_style)
        // Else parts would have to come with checksums that object_store does not send.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    config.set_endpoint_url(connection.endpoint_url.clone());
    config.set_credentials_provider(who.provider);
    let client = aws_sdk_s3::Client::from_conf(config.build());
    Ok(Reached { store: Arc::new(store), client })
}

/// Directory buckets list their keys in no order.
pub(crate) fn habits(bucket: &Bucket) -> Habits {
    Habits { ordered: !bucket.name.ends_with("--x-s3"), dated_by_begin: true }
}
