//! Google's JSON API: requests, sent again when that may help, and what their answers mean.
use std::sync::Arc;
use std::time::Duration;

use object_store::{CredentialProvider, Error as StoreError, Result};
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use crate::identity::Token;

/// Google's own server.
const GOOGLE: &str = "https://storage.googleapis.com";
/// Tries of one request, and the pause before the second; each next one is twice as long.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

/// A bucket by the JSON API.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: Client,
    base: String,
    bucket: String,
    token: Option<Arc<Token>>,
}

impl Api {
    /// The bucket on Google's server, or on another.
    pub(crate) fn new(base: Option<&str>, bucket: &str, token: Option<Arc<Token>>) -> std::result::Result<Self, reqwest::Error> {
        // An upload that goes on is answered like a redirection.
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(Duration::from_secs(5));
        Ok(Self { client: client.build()?, base: base.unwrap_or(GOOGLE).to_owned(), bucket: bucket.to_owned(), token })
    }

    /// Where objects are uploaded to.
    pub(crate) fn uploads(&self) -> String {
        format!("{}/upload/storage/v1/b/{}/o", self.base, encoded(&self.bucket))
    }

    /// An object.
    pub(crate) fn object(&self, key: &str) -> String {
        format!("{}/storage/v1/b/{}/o/{}", self.base, encoded(&self.bucket), encoded(key))
    }

    /// What copies the object `from` to `to`.
    pub(crate) fn rewrite(&self, from: &str, to: &str) -> String {
        format!("{}/rewriteTo/b/{}/o/{}", self.object(from), encoded(&self.bucket), encoded(to))
    }

    /// Sends what `request` makes; answers of success, and those under `taken`, come back. `key` is what an error is about.
    pub(crate) async fn send(
        &self,
        key: &str,
        taken: &[StatusCode],
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Response> {
        let mut tried = 0;
        loop {
            tried += 1;
            let mut builder = request(&self.client);
            if let Some(token) = &self.token {
                builder = builder.bearer_auth(&token.get_credential().await?.bearer);
            }
            let (again, error) = match builder.send().await {
                Ok(answer) if answer.status().is_success() || taken.contains(&answer.status()) => return Ok(answer),
                Ok(answer) => {
                    let status = answer.status();
                    let again = status.is_server_error()
                        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
                    (again, refused(key, status, answer.text().await.unwrap_or_default()))
                }
                Err(error) => (true, broke(error)),
            };
            if !again || tried == TRIES {
                return Err(error);
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(tried - 1)).await;
        }
    }
}

/// What a status that is no success means.
fn refused(key: &str, status: StatusCode, text: String) -> StoreError {
    let path = key.to_owned();
    let source = format!("{status}: {text}").into();
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => StoreError::NotFound { path, source },
        StatusCode::PRECONDITION_FAILED => StoreError::Precondition { path, source },
        StatusCode::UNAUTHORIZED => StoreError::Unauthenticated { path, source },
        StatusCode::FORBIDDEN => StoreError::PermissionDenied { path, source },
        _ => StoreError::Generic { store: "GCS", source },
    }
}

/// A request that got no answer.
pub(crate) fn broke(error: reqwest::Error) -> StoreError {
    StoreError::Generic { store: "GCS", source: Box::new(error.without_url()) }
}

/// A name as one part of a path.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
