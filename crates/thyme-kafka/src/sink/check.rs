//! What stands in the way of writing, found without writing.
use thyme_core::{Kind, Result};

use super::topic;
use crate::client::{Client, admin};
use crate::config::{Connection, Delivery, KafkaSinkConfig};

/// Sees that the topics are there, or may be made, and that they take what is to be written. Changes nothing.
///
/// # Errors
/// `Auth` for a refused log-in or a topic we may not see, `NotFound` without the topic and `create_topic`, `Config` for a
/// progress topic that is not compacted, `Unavailable`.
pub(super) async fn check(config: &KafkaSinkConfig, connection: &Connection) -> Result<()> {
    let client = Client::new(connection)?;
    let mut progress = None;
    if config.delivery == Delivery::ExactlyOnce {
        match client.partitions(&config.progress_topic).await {
            // It is made by the first run.
            Err(error) if error.kind() == Kind::NotFound => {
                topic::may_create_progress(connection, &config.progress_topic).await?
            }
            found => progress = found.map(|_| Some(&*config.progress_topic))?,
        }
    }
    match (client.partitions(&config.topic).await, &config.create_topic) {
        (Err(error), Some(wanted)) if error.kind() == Kind::NotFound => {
            topic::may_create(connection, &config.topic, wanted).await
        }
        (found, _) => {
            let partitions = found.map_err(|error| topic::missing(error, &config.topic))?.len();
            topic::limits(&admin(connection)?, config, connection, partitions, progress).await.map(drop)
        }
    }
}
