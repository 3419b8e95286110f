//! Settings of a session that writes.
use std::time::Duration;

use thyme_core::Result;

use crate::client::Client;
use crate::error::from_pg;

/// How long a task waits for the locks it is opened by, before it gives up and is tried again.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// What the server decides about sessions and must not decide about ours: between two polls a session waits, and a transaction
/// is open for as long as the sink says. A commit is on disk before it is confirmed. A client that is gone is noticed, and with it its locks go.
const SETTINGS: &str = "\
SELECT set_config(s.name, w.value, false) FROM pg_settings AS s JOIN (VALUES \
('idle_session_timeout', '0'), ('transaction_timeout', '0'), \
('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3')\
) AS w(name, value) ON s.name = w.name; \
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Not known before 14, nor where the system can't tell.
const NOTICE: &str = "SET client_connection_check_interval = '10s'";

/// Makes the session one that writes.
///
/// # Errors
/// Those of the server.
pub(super) async fn prepare(client: &Client) -> Result<()> {
    client.batch_execute(SETTINGS).await.map_err(|e| from_pg(e, "prepare the session"))?;
    if let Err(error) = client.batch_execute(NOTICE).await
        && error.as_db_error().is_none()
    {
        return Err(from_pg(error, "prepare the session"));
    }
    Ok(())
}
