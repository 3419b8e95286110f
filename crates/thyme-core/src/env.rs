//! The one place that reads the environment.
use crate::{Error, Kind, Result};

/// The environment variable `name`; `None` when it is not set.
///
/// # Errors
/// `Config` when it is set to something that is not UTF-8.
pub fn var(name: &str) -> Result<Option<String>> {
    #[allow(clippy::disallowed_methods, reason = "the one place")]
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::new(Kind::Config, format!("the environment variable {name} is not UTF-8")))
        }
    }
}
