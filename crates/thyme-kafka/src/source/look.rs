//! Looks at the topics now and then: new partitions, a topic that is gone, others in the group.
use std::time::Duration;

use rdkafka::consumer::Consumer;
use thyme_core::{Error, Kind, Result};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::{Client, Context, Partition, TopicIds};
use crate::config::KafkaSourceConfig;
use crate::{error, raw};

/// How often.
const EVERY: Duration = Duration::from_secs(10);

/// How long the brokers may take to answer; a look that fails is made again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a look finds.
pub(super) struct Found {
    pub(super) partitions: Vec<Partition>,
    pub(super) ids: TopicIds,
    /// Others are in the group.
    pub(super) others: bool,
}

/// A look that is due, or under way.
pub(super) struct Look {
    topics: Vec<String>,
    group: String,
    /// How our own member begins.
    own: String,
    due: Instant,
    /// The group is to be looked at as well.
    group_too: bool,
    under_way: Option<JoinHandle<Result<Option<Found>>>>,
}

impl Look {
    pub(super) fn new(config: &KafkaSourceConfig, group: &str, own: String) -> Self {
        Self {
            topics: config.topic.clone(),
            group: group.to_owned(),
            own,
            due: Instant::now() + EVERY,
            group_too: false,
            under_way: None,
        }
    }

    /// Something changed: the next look is due at once, at the group as well.
    pub(super) fn now(&mut self) {
        (self.due, self.group_too) = (Instant::now(), true);
    }

    /// The topics as they are now, and whether others are in the group; waits until a look is due. Cancel-safe.
    ///
    /// # Errors
    /// `NotFound` when a topic is gone.
    pub(super) async fn found(&mut self, client: &Client) -> Result<Found> {
        loop {
            if let Some(task) = &mut self.under_way {
                let found = task.await;
                self.under_way = None;
                let found = found.map_err(|e| Error::new(Kind::Unexpected, "a look at the topics was cut short").source(e))?;
                if let Some(found) = found? {
                    return Ok(found);
                }
            }
            tokio::time::sleep_until(self.due).await;
            self.due = Instant::now() + EVERY;
            let consumer = std::sync::Arc::clone(client.consumer()?);
            let (topics, group, own) = (self.topics.clone(), self.group.clone(), self.own.clone());
            let group_too = std::mem::take(&mut self.group_too);
            self.under_way = Some(tokio::task::spawn_blocking(move || {
                let mut partitions = Vec::new();
                for topic in &topics {
                    let found = consumer.fetch_metadata(Some(topic), PATIENCE);
                    let Ok(found) = found else { return Ok(None) };
                    let Some(found) = found.topics().iter().find(|one| one.name() == topic) else { return Ok(None) };
                    if let Some(code) = found.error() {
                        let error = error::from_code(code.into(), "the topic is gone").context("topic", topic);
                        return if error.kind() == Kind::Unavailable { Ok(None) } else { Err(error) };
                    }
                    partitions.extend(found.partitions().iter().map(|one| (topic.clone(), one.id())));
                }
                partitions.sort_unstable();
                let Ok(ids) = raw::topic_ids(consumer.client(), &topics, PATIENCE) else { return Ok(None) };
                let others = group_too && others(&*consumer, &group, &own).is_some();
                Ok(Some(Found { partitions, ids, others }))
            }));
        }
    }
}

/// A member of the group that is not ours, by its name and host.
pub(super) fn others(consumer: &impl Consumer<Context>, group: &str, own: &str) -> Option<String> {
    let found = consumer.client().fetch_group_list(Some(group), PATIENCE).ok()?;
    let members = found.groups().iter().filter(|one| one.name() == group).flat_map(|one| one.members());
    let other = members.into_iter().find(|member| !member.id().starts_with(own));
    other.map(|member| format!("{} at {}", member.client_id(), member.client_host()))
}
