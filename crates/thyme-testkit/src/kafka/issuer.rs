//! Who issues the tokens of OAUTHBEARER.
use std::process::Command;
use std::time::Duration;

use thyme_core::Result;

use super::install::service;
use super::side::Side;
use crate::program::broke;

const SCRIPT: &str = include_str!("issuer.mjs");

/// The client that tokens are issued to.
pub const CLIENT: &str = "lab";

/// The client's secret.
pub const SECRET: &str = "the lab's secret";

/// Why there is no issuer here; `None` when there is one.
#[must_use]
pub fn missing() -> Option<String> {
    service("oidc").err().map(|error| error.to_string())
}

/// An OAuth 2 server for client credentials; it knows [`CLIENT`] with [`SECRET`] and answers 401 to everybody else.
#[derive(Debug)]
pub struct Issuer {
    side: Side,
}

impl Issuer {
    /// Starts it. Its tokens live for as long as `lifetime` says, in whole seconds. Blocks for a second.
    ///
    /// # Errors
    /// `NotFound` when it is not installed, with the remedy; `Unavailable` when it does not come up, with its log.
    pub fn start(lifetime: Duration) -> Result<Self> {
        let modules = service("oidc")?.join("node_modules");
        let command = |folder: &std::path::Path, port: u16| {
            let script = folder.join("issuer.mjs");
            std::fs::write(&script, SCRIPT).map_err(|e| broke("a script can't be written", &script, e))?;
            let mut node = Command::new("node");
            node.arg(script).arg(&modules).arg(port.to_string()).args([CLIENT, SECRET]).arg(lifetime.as_secs().to_string());
            Ok(node)
        };
        let side = Side::start("issuer", command, |life, _| Ok(life.said()?.contains("READY")))?;
        Ok(Self { side })
    }

    /// Its base URL; the keys are at `/jwks`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.side.port())
    }

    /// Where tokens are asked for.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.url() + "/token"
    }
}
