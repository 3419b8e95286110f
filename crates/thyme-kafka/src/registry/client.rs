//! One call, tried again where that may help.
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thyme_core::{Error, Kind, Result, Retry, Secret};

use super::answer::Refusal;
use crate::config::SchemaRegistry;

const TYPE: &str = "application/vnd.schemaregistry.v1+json";
const CONNECT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(15);
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);
/// Nobody waits longer inside of one call.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The registry's addresses and who we are to it.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    urls: Vec<Url>,
    username: Option<Secret>,
    password: Option<Secret>,
}

impl Client {
    pub(super) fn new(config: &SchemaRegistry) -> Result<Self> {
        let wrong = |what: String| Error::new(Kind::Config, what);
        let mut urls = Vec::new();
        for text in config.url.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            let url = url.ok_or_else(|| wrong(format!("`schema_registry_url` is no URL of http or https: {}", shown(text))))?;
            if !url.username().is_empty() || url.password().is_some() {
                let what = "a user in `schema_registry_url`: use `schema_registry_username` and `schema_registry_password`";
                return Err(wrong(what.into()));
            }
            urls.push(url);
        }
        if urls.is_empty() {
            return Err(wrong("`schema_registry_url` is empty".into()));
        }
        let mut http = reqwest::Client::builder().connect_timeout(CONNECT).timeout(PATIENCE);
        if let Some(ca) = &config.ca {
            let certificates = reqwest::Certificate::from_pem_bundle(ca.text()?.as_bytes());
            http = http.tls_certs_merge(certificates.map_err(|e| wrong("`ssl_ca_pem` holds no certificates".into()).source(e))?);
        }
        let http =
            http.build().map_err(|e| Error::new(Kind::Unexpected, "cannot make a client for the schema registry").source(e))?;
        Ok(Self { http, urls, username: config.username.clone(), password: config.password.clone() })
    }

    /// Asks for `path`, whose segments may hold anything; one that begins with `?` is the query.
    pub(super) async fn ask<T: DeserializeOwned>(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<T> {
        let mut pause = PAUSE;
        let mut tried = 0;
        loop {
            let Some(url) = self.urls.iter().cycle().nth(tried as usize) else {
                return Err(Error::new(Kind::Config, "`schema_registry_url` is empty"));
            };
            let error = match self.once(method.clone(), url, path, body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tried += 1;
            let wait = match error.retry_advice() {
                Retry::After(wait) => wait,
                Retry::Backoff => pause,
                Retry::No => return Err(error),
            };
            if tried >= TRIES.max(self.urls.len() as u32) || wait > LONGEST_PAUSE {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
    }

    async fn once<T: DeserializeOwned>(&self, method: Method, url: &Url, path: &[&str], body: Option<&Value>) -> Result<T> {
        let mut target = url.clone();
        if let Ok(mut segments) = target.path_segments_mut() {
            segments.pop_if_empty().extend(path.iter().filter(|segment| !segment.starts_with('?')));
        }
        if let Some(query) = path.last().and_then(|last| last.strip_prefix('?')) {
            target.set_query(Some(query));
        }
        let at = |error: Error| error.context("schema_registry", &target);
        let mut request = self.http.request(method, target.clone()).header(ACCEPT, TYPE);
        match (&self.username, &self.password) {
            (Some(user), password) => {
                let password = password.as_ref().map(Secret::reveal).transpose()?;
                request = request.basic_auth(user.reveal()?.expose(), password.as_ref().map(|password| password.expose()));
            }
            (None, Some(token)) => request = request.bearer_auth(token.reveal()?.expose()),
            (None, None) => {}
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, TYPE).body(body.to_string());
        }
        let gone =
            |e: reqwest::Error| Error::new(Kind::Unavailable, "the schema registry can't be reached").source(e.without_url());
        let answer = request.send().await.map_err(|e| at(gone(e)))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|e| at(gone(e)))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|e| at(Error::new(Kind::Unexpected, "the schema registry's answer cannot be read").source(e)));
        }
        let after = headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        Err(at(refusal(status, &body, after)))
    }
}

/// The error of an answer that is none.
fn refusal(status: StatusCode, body: &[u8], after: Option<Duration>) -> Error {
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let said = refusal.as_ref().map(|refusal| refusal.message.trim().trim_end_matches('.')).filter(|said| !said.is_empty());
    let (kind, what) = match status.as_u16() {
        401 | 403 => (Kind::Auth, "the schema registry refuses who we are"),
        404 => (Kind::NotFound, "the schema registry does not have it"),
        409 => (Kind::Schema, "the schema is not compatible with those before it"),
        422 => (Kind::Schema, "the schema registry refuses the schema"),
        429 => (Kind::RateLimited, "the schema registry asks us to slow down"),
        408 | 500.. => (Kind::Unavailable, "the schema registry fails"),
        _ => (Kind::Unsupported, "the schema registry refuses the request"),
    };
    let code = refusal.as_ref().map_or(0, |refusal| refusal.error_code);
    let code = if code == 0 { i64::from(status.as_u16()) } else { code };
    let message = said.map_or_else(|| what.to_owned(), |said| format!("{what}: {said}"));
    let error = Error::new(kind, message).context("code", code);
    match (kind, after) {
        (Kind::RateLimited | Kind::Unavailable, Some(after)) => error.retry(Retry::After(after)),
        _ => error,
    }
}

/// A URL without what may be a secret.
fn shown(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}
