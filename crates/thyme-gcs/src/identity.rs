//! Who asks: credentials as all of Google's tools find them; tokens are renewed by Google's own library.
use std::sync::Arc;

use async_trait::async_trait;
use google_cloud_auth::credentials::{AccessTokenCredentials, Builder, service_account};
use object_store::CredentialProvider;
use object_store::gcp::GcpCredential;
use thyme_core::{Error, Kind, Result};

use crate::config::Identity;

const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// Finds out who asks; a token is asked for later. `None`: nobody.
pub(crate) fn find(identity: &Identity) -> Result<Option<Token>> {
    let found = match identity {
        Identity::Anonymous => return Ok(None),
        Identity::Default => Builder::default().with_scopes([SCOPE]).build_access_token_credentials().map_err(|e| {
            let text = "no credentials: set `service_account_credentials_json`, or what Google's tools look for (`gcloud auth \
                        application-default login`, GOOGLE_APPLICATION_CREDENTIALS)";
            Error::new(Kind::Auth, text).source(e)
        })?,
        Identity::ServiceAccount(key) => {
            let wrong = |e| Error::new(Kind::Config, "`service_account_credentials_json` is no JSON").source(e);
            let key = serde_json::from_str(key.reveal()?.expose()).map_err(wrong)?;
            let scope = service_account::AccessSpecifier::from_scopes([SCOPE]);
            service_account::Builder::new(key).with_access_specifier(scope).build_access_token_credentials().map_err(|_| {
                // The library's message may hold parts of the key.
                let text = "`service_account_credentials_json` is not the key of a service account";
                Error::new(Kind::Config, text)
            })?
        }
    };
    Ok(Some(Token(found)))
}

/// Tokens for object_store.
#[derive(Debug)]
pub(crate) struct Token(AccessTokenCredentials);

#[async_trait]
impl CredentialProvider for Token {
    type Credential = GcpCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
        let token = self.0.access_token().await.map_err(|e| {
            let error = Error::new(Kind::Auth, "Google gives no token for these credentials").source(e);
            object_store::Error::Unauthenticated { path: String::new(), source: Box::new(error) }
        })?;
        Ok(Arc::new(GcpCredential { bearer: token.token }))
    }
}
