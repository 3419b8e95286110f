//! Tokens for Amazon MSK, signed with the AWS credentials of this process.
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use rdkafka::client::OAuthToken;
use thyme_core::{Error, Kind, Result};

/// A token for the brokers of `region`, or of the region in their names.
pub(super) async fn token(region: Option<&str>, brokers: &str) -> Result<OAuthToken> {
    let region = region.or_else(|| region_of(brokers)).ok_or_else(|| {
        Error::new(Kind::Config, "no region to sign a token for: set `aws_region`, the names of the brokers do not show it")
    })?;
    let region = Region::new(region.to_owned());
    let config = aws_config::defaults(BehaviorVersion::latest()).region(region.clone()).load().await;
    sign(region, config.credentials_provider().ok_or_else(missing)?).await
}

async fn sign(region: Region, provider: SharedCredentialsProvider) -> Result<OAuthToken> {
    let signed = aws_msk_iam_sasl_signer::generate_auth_token_from_credentials_provider(region, provider).await;
    let (token, lifetime_ms) = signed.map_err(|e| missing().source(e))?;
    Ok(OAuthToken { token, principal_name: "thyme".to_owned(), lifetime_ms })
}

fn missing() -> Error {
    Error::new(Kind::Auth, "no AWS credentials to sign a token with")
}

/// `eu-west-1` of `b-1.name.x1y2.c3.kafka.eu-west-1.amazonaws.com:9098`.
fn region_of(brokers: &str) -> Option<&str> {
    let host = brokers.split(',').next()?.split(':').next()?;
    let (host, _) = host.split_once(".amazonaws.com")?;
    let (_, region) = host.rsplit_once('.')?;
    (region.contains('-')).then_some(region)
}

#[cfg(test)]
mod tests;
