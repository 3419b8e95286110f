//! What is different from one provider of buckets to the next.
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use thyme_core::{Result, async_trait};
use tokio::sync::OnceCell;

use super::config::BucketConfig;
use crate::storage::{Bucket, Habits};
use crate::write::Copies;

/// Tries of one request, and the time they may take together: the engine tries again what fails for longer.
const RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Who provides buckets.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// Where the server is and who asks, checked.
    type Connection: Send + Sync;

    /// What its connector is called, and messages that know no bucket: `s3`.
    const NAME: &'static str;

    /// What URIs begin with; the first is how messages say it.
    const SCHEMES: &'static [&'static str; 2];

    /// What its servers do that others don't.
    fn habits(bucket: &Bucket) -> Habits;

    /// The ways to `bucket`; nothing is sent to it yet.
    ///
    /// # Errors
    /// `Auth` when nobody is found to ask, `Config` for what can't be addressed.
    async fn reach(connection: &Self::Connection, bucket: &Bucket) -> Result<Reached>;
}

/// The ways to a bucket: for bytes, and for copies under a condition.
#[derive(Clone, Debug)]
pub struct Reached {
    /// Reads, lists, puts and deletes.
    pub store: Arc<dyn ObjectStore>,
    /// Makes objects visible.
    pub copies: Arc<dyn Copies>,
}

/// How often a request is sent again.
#[must_use]
pub fn retry() -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(5), base: 2.0 };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT }
}

/// How a server is spoken to: without TLS where its URL says so.
#[must_use]
pub fn client_options(endpoint_url: Option<&str>) -> ClientOptions {
    let plain = endpoint_url.is_some_and(|url| url.starts_with("http://"));
    ClientOptions::new().with_allow_http(plain).with_connect_timeout(CONNECT_TIMEOUT)
}

/// A bucket that is reached when it is first needed, and stays so.
#[derive(Clone, Default)]
pub(super) struct Reach(Arc<OnceCell<Reached>>);

impl Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("reached", &self.0.initialized()).finish()
    }
}

impl Reach {
    /// The ways to `bucket`, which is that of `config`.
    pub(super) async fn get<C: BucketConfig>(&self, config: &C, bucket: &Bucket) -> Result<&Reached> {
        let connection = config.connection()?;
        self.0.get_or_try_init(|| C::Provider::reach(&connection, bucket)).await
    }
}
