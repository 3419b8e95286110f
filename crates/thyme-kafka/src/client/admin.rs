//! A client that creates topics.
use rdkafka::admin::AdminClient;
use rdkafka::config::FromClientConfigAndContext;
use thyme_core::Result;

use super::{Context, settings};
use crate::config::Connection;
use crate::{error, raw};

/// A client for administration. Refusals don't reach it: ask something of a [`Client`](super::Client) first. It logs in with the
/// token of this moment, so it is not for keeping.
///
/// # Errors
/// `Config` for settings that librdkafka refuses; `Auth` and `Unavailable` where there is no token.
pub(crate) fn admin(connection: &Connection) -> Result<AdminClient<Context>> {
    let context = Context::new(connection);
    let client = AdminClient::from_config_and_context(&settings(connection)?, context.clone());
    let client = client.map_err(|e| error::from_kafka(e, "make a client"))?;
    if let Some(token) = context.token() {
        raw::set_token(client.inner(), token?)?;
    }
    Ok(client)
}
