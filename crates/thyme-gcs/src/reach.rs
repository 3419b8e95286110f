//! The bucket, reached.
use std::sync::Arc;

use async_trait::async_trait;
use object_store::gcp::GoogleCloudStorageBuilder;
use thyme_core::{Error, Kind, Result};
use thyme_files::buckets::{Provider, Reached, client_options, retry};
use thyme_files::storage::{Bucket, Habits};

use crate::api::Api;
use crate::config::Connection;
use crate::identity;
use crate::store::GcsStore;

/// Google, and who else speaks its protocol.
#[derive(Debug)]
pub struct Google;

#[async_trait]
impl Provider for Google {
    type Connection = Connection;
    const NAME: &'static str = "gcs";
    const SCHEMES: &'static [&'static str; 2] = &["gs", "gcs"];

    /// Keys are listed in order, and an object is as old as the end of its upload.
    fn habits(_: &Bucket) -> Habits {
        Habits { ordered: true, dated_by_begin: false }
    }

    async fn reach(connection: &Connection, bucket: &Bucket) -> Result<Reached> {
        reach(connection, bucket)
    }
}

fn reach(connection: &Connection, bucket: &Bucket) -> Result<Reached> {
    let options = client_options(connection.endpoint_url.as_deref());
    let mut builder =
        GoogleCloudStorageBuilder::new().with_bucket_name(&bucket.name).with_client_options(options).with_retry(retry());
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
    let store = Arc::new(GcsStore::new(reading, api));
    Ok(Reached { store: store.clone(), copies: store })
}
