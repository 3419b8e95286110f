//! Tokens for OAUTHBEARER: by client credentials from an issuer, or signed with AWS credentials.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::client::OAuthToken;
use serde::Deserialize;
use thyme_core::{Error, Kind, Result, Secret};

use super::msk;
use crate::config::{Connection, Pem, SaslMechanism};

/// How long an issuer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a token is good for where the issuer does not say.
const LIFETIME: u64 = 300;

/// Where tokens come from.
#[derive(Debug)]
pub(crate) enum Tokens {
    Issuer(Issuer),
    Msk { region: Option<String>, brokers: String },
}

/// A token endpoint of OAuth 2, asked with client credentials.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    scope: Option<String>,
    id: Option<Secret>,
    secret: Option<Secret>,
    ca: Option<Pem>,
}

/// What an issuer answers.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Tokens {
    /// Those of a connection, if it logs in with tokens.
    pub(crate) fn of(connection: &Connection) -> Option<Self> {
        if !connection.security_protocol.sasl() {
            return None;
        }
        match connection.sasl_mechanism {
            SaslMechanism::OauthBearer => Some(Self::Issuer(Issuer {
                url: connection.token_url.clone()?,
                scope: connection.token_scope.clone(),
                id: connection.sasl_username.clone(),
                secret: connection.sasl_password.clone(),
                ca: connection.ssl_ca.clone(),
            })),
            SaslMechanism::AwsMskIam => {
                Some(Self::Msk { region: connection.aws_region.clone(), brokers: connection.brokers.clone() })
            }
            _ => None,
        }
    }

    /// A token, waited for: on a thread of its own, for librdkafka calls from wherever it is polled.
    pub(crate) fn fetch(&self) -> Result<OAuthToken> {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|e| Error::new(Kind::Unexpected, "cannot wait for a token").source(e))?;
            runtime.block_on(async {
                let token = tokio::time::timeout(PATIENCE, self.ask()).await;
                token.unwrap_or_else(|_| Err(Error::new(Kind::Unavailable, "no token within 15 s")))
            })
        };
        let done = std::thread::scope(|scope| scope.spawn(run).join());
        done.unwrap_or_else(|_| Err(Error::new(Kind::Unexpected, "fetching a token panicked")))
    }

    async fn ask(&self) -> Result<OAuthToken> {
        match self {
            Self::Issuer(issuer) => issuer.ask().await,
            Self::Msk { region, brokers } => msk::token(region.as_deref(), brokers).await,
        }
    }
}

impl Issuer {
    async fn ask(&self) -> Result<OAuthToken> {
        let at = |error: Error| error.context("token_url", &self.url);
        let mut client = reqwest::Client::builder().timeout(PATIENCE);
        if let Some(ca) = &self.ca {
            let certificates = reqwest::Certificate::from_pem_bundle(ca.text()?.as_bytes());
            let certificates =
                certificates.map_err(|e| Error::new(Kind::Config, "`ssl_ca_pem` holds no certificates").source(e))?;
            client = client.tls_certs_merge(certificates);
        }
        let client = client.build().map_err(|e| Error::new(Kind::Unexpected, "cannot ask for a token").source(e))?;
        let reveal = |secret: &Option<Secret>| secret.as_ref().map(Secret::reveal).transpose();
        let (id, secret) = (reveal(&self.id)?, reveal(&self.secret)?);
        let id = id.as_ref().map_or("", |id| id.expose());
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let asked = now_ms();
        let request = client.post(&self.url).basic_auth(id, secret.as_ref().map(|secret| secret.expose())).form(&form);
        let answer = request
            .send()
            .await
            .map_err(|e| at(Error::new(Kind::Unavailable, "the issuer of tokens can't be reached").source(e.without_url())))?;
        let status = answer.status();
        let body = answer
            .bytes()
            .await
            .map_err(|e| at(Error::new(Kind::Unavailable, "the issuer of tokens broke off").source(e.without_url())))?;
        if !status.is_success() {
            let kind = if status.is_client_error() { Kind::Auth } else { Kind::Unavailable };
            return Err(at(Error::new(kind, format!("the issuer gives no token: {}", status.as_u16()))));
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| at(Error::new(Kind::Auth, "the issuer's answer is not one of OAuth 2 with an `access_token`")))?;
        Ok(OAuthToken {
            token: answer.access_token,
            principal_name: id.to_owned(),
            lifetime_ms: asked.saturating_add(kept_ms(answer.expires_in.unwrap_or(LIFETIME))),
        })
    }
}

/// How long a token is kept that is good for so many seconds, in ms. librdkafka renews one after 80 % of that; brokers want the
/// next one after 90 % of what is left of the token when it is shown, and whole seconds may be rounded down on the way.
fn kept_ms(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(800)
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2)
}
