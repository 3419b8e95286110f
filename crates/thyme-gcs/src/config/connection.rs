//! Where the server is and who asks.
use thyme_core::{Error, Kind, Result, Secret};
use thyme_files::buckets::{present, server_url};

/// Where the server is and who asks: the connection-level fields, checked.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The server, if it is not Google's.
    pub endpoint_url: Option<String>,
    /// Who asks.
    pub identity: Identity,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Identity {
    /// What the environment says, as all of Google's tools find it: application default credentials, workload identity, the
    /// machine.
    Default,
    /// A service account, by its key as JSON.
    ServiceAccount(Secret),
    /// Nobody: for public buckets.
    Anonymous,
}

impl Connection {
    /// The fields as they were given.
    pub(super) fn new(key: Option<Secret>, anonymous: bool, endpoint_url: Option<String>) -> Result<Self> {
        let identity = match present(key)? {
            Some(_) if anonymous => {
                let text = "nobody asks under `anonymous`: leave out `service_account_credentials_json`";
                return Err(Error::new(Kind::Config, text));
            }
            Some(key) => {
                if serde_json::from_str::<serde_json::Value>(key.reveal()?.expose()).is_err() {
                    let text = "`service_account_credentials_json` is no JSON; a file is given as `{ file = \"key.json\" }`";
                    return Err(Error::new(Kind::Config, text));
                }
                Identity::ServiceAccount(key)
            }
            None if anonymous => Identity::Anonymous,
            None => Identity::Default,
        };
        Ok(Self { endpoint_url: server_url("endpoint_url", endpoint_url)?, identity })
    }
}
