//! Tokens for Amazon MSK, signed with the AWS credentials of this process.
use aws_config::{BehaviorVersion, Region};
use rdkafka::client::OAuthToken;
use thyme_core::{Error, Kind, Result};

/// A token for the brokers of `region`, or of the region in their names.
pub(super) async fn token(region: Option<&str>, brokers: &str) -> Result<OAuthToken> {
    let region = region.or_else(|| region_of(brokers)).ok_or_else(|| {
        Error::new(Kind::Config, "no region to sign a token for: set `aws_region`, the names of the brokers do not show it")
    })?;
    let region = Region::new(region.to_owned());
    let config = aws_config::defaults(BehaviorVersion::latest()).region(region.clone()).load().await;
    let missing = || Error::new(Kind::Auth, "no AWS credentials to sign a token with");
    let provider = config.credentials_provider().ok_or_else(missing)?;
    let signed = aws_msk_iam_sasl_signer::generate_auth_token_from_credentials_provider(region, provider).await;
    let (token, lifetime_ms) = signed.map_err(|e| missing().source(e))?;
    Ok(OAuthToken { token, principal_name: "thyme".to_owned(), lifetime_ms })
}

/// `eu-west-1` of `b-1.name.x1y2.c3.kafka.eu-west-1.amazonaws.com:9098`.
fn region_of(brokers: &str) -> Option<&str> {
    let host = brokers.split(',').next()?.split(':').next()?;
    let (host, _) = host.split_once(".amazonaws.com")?;
    let (_, region) = host.rsplit_once('.')?;
    (region.contains('-')).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_a_broker() {
        assert_eq!(region_of("b-1.name.x1y2.c3.kafka.eu-west-1.amazonaws.com:9098,b-2:1"), Some("eu-west-1"));
        assert_eq!(region_of("boot-x.c2.kafka-serverless.us-east-1.amazonaws.com:9098"), Some("us-east-1"));
        assert_eq!(region_of("localhost:9092"), None);
    }
}
