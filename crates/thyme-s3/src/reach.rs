//! The bucket, reached: object_store for bytes, Amazon's client for what that has no word for.
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::config::RequestChecksumCalculation;
use object_store::aws::AmazonS3Builder;
use thyme_core::{Error, Kind, Result};
use thyme_files::buckets::{Provider, Reached, client_options, retry};
use thyme_files::storage::{Bucket, Habits};

use crate::config::Connection;
use crate::copies::S3Copies;
use crate::identity::{self, Renewed};

/// Amazon, and who else speaks its protocol.
#[derive(Debug)]
pub struct Amazon;

#[async_trait]
impl Provider for Amazon {
    type Connection = Connection;
    const NAME: &'static str = "s3";
    const SCHEMES: &'static [&'static str; 2] = &["s3", "s3a"];

    /// Directory buckets list their keys in no order.
    fn habits(bucket: &Bucket) -> Habits {
        Habits { ordered: !bucket.name.ends_with("--x-s3"), dated_by_begin: true }
    }

    async fn reach(connection: &Connection, bucket: &Bucket) -> Result<Reached> {
        reach(connection, bucket).await
    }
}

async fn reach(connection: &Connection, bucket: &Bucket) -> Result<Reached> {
    let who = identity::find(connection).await?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(&who.region)
        .with_virtual_hosted_style_request(!connection.path_style)
        .with_client_options(client_options(connection.endpoint_url.as_deref()))
        .with_retry(retry());
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
    let copies = S3Copies { client: aws_sdk_s3::Client::from_conf(config.build()), bucket: bucket.name.clone() };
    Ok(Reached { store: Arc::new(store), copies: Arc::new(copies) })
}
