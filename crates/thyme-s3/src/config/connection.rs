//! Where the server is and who asks.
use thyme_core::{Error, Kind, Result, Secret};
use thyme_files::buckets::{present, server_url};

/// Where the server is and who asks: the connection-level fields, checked.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The region, if one is named; else that of the identity chain, else `us-east-1`.
    pub region: Option<String>,
    /// The server, if it is not Amazon's.
    pub endpoint_url: Option<String>,
    /// Where roles are assumed, if not at Amazon's STS.
    pub sts_endpoint_url: Option<String>,
    /// The bucket stands in the path of a URL, not in its host.
    pub path_style: bool,
    /// Who asks at first.
    pub identity: Identity,
    /// The role that is taken then, and the id that its owner asks for.
    pub role: Option<(Secret, Option<String>)>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Identity {
    /// What the environment says, as all of Amazon's tools find it: variables, profiles, SSO, web identity, containers, the
    /// machine. The profile, if one is named.
    Chain(Option<String>),
    /// Keys, and the token of the session that they belong to.
    Keys {
        /// The access key.
        access_key: Secret,
        /// The secret key.
        secret: Secret,
        /// The session's token.
        session_token: Option<Secret>,
    },
    /// Nobody: for public buckets.
    Anonymous,
}

/// The fields as they were given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) region: Option<String>,
    pub(super) role_arn: Option<Secret>,
    pub(super) external_id: Option<String>,
    pub(super) access_key: Option<Secret>,
    pub(super) secret: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    pub(super) profile: Option<String>,
    pub(super) anonymous: Option<bool>,
    pub(super) endpoint_url: Option<String>,
    pub(super) sts_endpoint_url: Option<String>,
    pub(super) path_style: Option<bool>,
}

impl Given {
    /// Who asks, and where; never half of a pair.
    pub(super) fn resolve(self) -> Result<Connection> {
        let wrong = |text: &str| Err(Error::new(Kind::Config, text));
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (access_key, secret) = (present(self.access_key)?, present(self.secret)?);
        let (session_token, role_arn) = (present(self.session_token)?, present(self.role_arn)?);
        let (profile, external_id) = (filled(self.profile), filled(self.external_id));
        let anonymous = self.anonymous.unwrap_or(false);
        if external_id.is_some() && role_arn.is_none() {
            return wrong("`external_id` belongs to a role, and there is no `role_arn`");
        }
        let identity = match (access_key, secret) {
            (Some(_), None) => return wrong("`access_key` is given without its `secret` (THYME_S3_SECRET)"),
            (None, Some(_)) => return wrong("`secret` is given without its `access_key` (THYME_S3_ACCESS_KEY)"),
            (Some(_), Some(_)) if anonymous || profile.is_some() => {
                return wrong("`access_key` and `secret` say who asks: leave out `profile` and `anonymous`");
            }
            (Some(access_key), Some(secret)) => Identity::Keys { access_key, secret, session_token },
            (None, None) if session_token.is_some() => {
                return wrong("`session_token` belongs to an `access_key` and its `secret`, and there are none");
            }
            (None, None) if anonymous && (profile.is_some() || role_arn.is_some()) => {
                return wrong("nobody asks under `anonymous`: leave out `profile` and `role_arn`");
            }
            (None, None) if anonymous => Identity::Anonymous,
            (None, None) => Identity::Chain(profile),
        };
        let endpoint_url = server_url("endpoint_url", self.endpoint_url)?;
        Ok(Connection {
            region: filled(self.region),
            sts_endpoint_url: server_url("sts_endpoint_url", self.sts_endpoint_url)?.or_else(|| endpoint_url.clone()),
            // Servers of one's own have no names for their buckets.
            path_style: self.path_style.unwrap_or(endpoint_url.is_some()),
            endpoint_url,
            identity,
            role: role_arn.map(|role| (role, external_id)),
        })
    }
}
