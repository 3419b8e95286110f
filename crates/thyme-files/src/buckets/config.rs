//! What the configurations of all providers say.
use std::fmt::Debug;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use thyme_core::{Error, Kind, Result, Secret};

use super::provider::Provider;
use crate::config::{ObjectChanged, Reading, Writing};
use crate::storage::Bucket;

/// A configuration that names a bucket.
pub trait BucketConfig: Clone + Debug + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Who provides the bucket.
    type Provider: Provider;

    /// Where the server is and who asks.
    ///
    /// # Errors
    /// `Config` for ways of asking that are half given, or exclude each other.
    fn connection(&self) -> Result<<Self::Provider as Provider>::Connection>;

    /// The bucket, and what is meant in it.
    ///
    /// # Errors
    /// `Config` when it is named twice or not at all, and for what is no name of a bucket.
    fn bucket(&self) -> Result<Bucket>;
}

/// That of a source.
pub trait SourceConfig: BucketConfig {
    /// What builds one.
    type Builder;

    /// Builds one, field by field.
    fn builder() -> Self::Builder;

    /// How objects are read.
    fn reading(&self) -> Reading<'_>;

    /// What becomes of an object that was read and written again since.
    fn changed(&self) -> ObjectChanged;
}

/// That of a sink.
pub trait SinkConfig: BucketConfig {
    /// What builds one.
    type Builder;

    /// Builds one, field by field.
    fn builder() -> Self::Builder;

    /// How objects are written.
    fn writing(&self) -> Writing<'_>;
}

/// The URL of a server, without slashes at its end; `name` is the field. An empty one is none.
///
/// # Errors
/// `Config` for what begins neither with `http://` nor `https://`.
pub fn server_url(name: &str, url: Option<String>) -> Result<Option<String>> {
    match url.filter(|url| !url.is_empty()) {
        Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            Err(Error::new(Kind::Config, format!("`{name}` begins with `http://` or `https://`")).context("it is", url))
        }
        url => Ok(url.map(|url| url.trim_end_matches('/').to_owned())),
    }
}

/// An empty secret is as good as none: a variable that is set to nothing.
///
/// # Errors
/// Those of finding it out.
pub fn present(secret: Option<Secret>) -> Result<Option<Secret>> {
    Ok(match secret {
        Some(secret) if !secret.reveal()?.expose().is_empty() => Some(secret),
        _ => None,
    })
}
