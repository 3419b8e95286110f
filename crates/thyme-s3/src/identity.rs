//! Who asks: credentials as all of Amazon's tools find them, renewed before they end.
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use thyme_core::{Error, Kind, Result};
use tokio::sync::Mutex;

use crate::config::{Connection, Identity};

/// The region where nobody names one.
const REGION: &str = "us-east-1";
/// Credentials are renewed this long before they end, or when a quarter of their time is left.
const AHEAD: Duration = Duration::from_secs(300);

/// What Amazon's libraries need to know.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) sdk: SdkConfig,
    /// `None`: nobody asks.
    pub(crate) provider: Option<SharedCredentialsProvider>,
    pub(crate) region: String,
}

/// Finds out who asks, and in which region; credentials are asked for later.
pub(crate) async fn find(connection: &Connection) -> Result<Who> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    let region = connection.region.clone().map(Region::new);
    loader = match &connection.identity {
        Identity::Chain(profile) => {
            let loader = profile.iter().fold(loader, |loader, profile| loader.profile_name(profile));
            match region {
                Some(region) => loader.region(region),
                None => loader,
            }
        }
        Identity::Keys { access_key, secret, session_token } => {
            let token = session_token.as_ref().map(|token| token.reveal()).transpose()?;
            let token = token.map(|token| token.expose().to_owned());
            let keys = Credentials::new(access_key.reveal()?.expose(), secret.reveal()?.expose(), token, None, "thyme");
            loader.credentials_provider(keys).region(region.unwrap_or_else(|| Region::from_static(REGION)))
        }
        Identity::Anonymous => loader.no_credentials().region(region.unwrap_or_else(|| Region::from_static(REGION))),
    };
    let sdk = loader.load().await;
    let region = sdk.region().map_or_else(|| REGION.to_owned(), ToString::to_string);
    let mut provider = sdk.credentials_provider();
    if let (Some((role, external_id)), Some(base)) = (&connection.role, provider.clone()) {
        let role = role.reveal()?;
        let mut at = sdk.to_builder().region(Region::new(region.clone()));
        at.set_endpoint_url(connection.sts_endpoint_url.clone());
        let role = AssumeRoleProvider::builder(role.expose()).configure(&at.build()).session_name("thyme");
        let role = external_id.iter().fold(role, |role, id| role.external_id(id));
        provider = Some(SharedCredentialsProvider::new(role.build_from_provider(base).await));
    }
    Ok(Who { sdk, provider, region })
}

/// Credentials for object_store, kept until shortly before they end.
#[derive(Debug)]
pub(crate) struct Renewed {
    provider: SharedCredentialsProvider,
    kept: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl Renewed {
    pub(crate) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, kept: Mutex::default() }
    }

    async fn ask(&self) -> Result<(Arc<AwsCredential>, Option<SystemTime>)> {
        let found = self.provider.provide_credentials().await.map_err(|e| {
            let none = "there are no credentials: set `access_key` and `secret`, `role_arn`, or what Amazon's tools look for (AWS_PROFILE, \
                        AWS_ACCESS_KEY_ID, a web identity, the machine's role)";
            let refused = "the credentials that were found are not accepted, or the role can't be taken";
            let text = if matches!(e, CredentialsError::CredentialsNotLoaded(_)) { none } else { refused };
            Error::new(Kind::Auth, text).source(e)
        })?;
        let key = AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        };
        let until = found.expiry().map(|end| {
            let left = end.duration_since(SystemTime::now()).unwrap_or_default();
            end - AHEAD.min(left / 4)
        });
        Ok((Arc::new(key), until))
    }
}

#[async_trait]
impl CredentialProvider for Renewed {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        if let Some((key, until)) = &*kept
            && until.is_none_or(|until| SystemTime::now() < until)
        {
            return Ok(Arc::clone(key));
        }
        let (key, until) =
            self.ask().await.map_err(|e| object_store::Error::Unauthenticated { path: String::new(), source: Box::new(e) })?;
        *kept = Some((Arc::clone(&key), until));
        Ok(key)
    }
}
