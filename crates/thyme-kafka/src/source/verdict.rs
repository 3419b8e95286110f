//! Why a run ends that its group has something against.
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use thyme_core::{Error, Kind, Result};

use super::plan::KafkaPlan;
use crate::client::Client;
use crate::error;

impl KafkaPlan {
    /// What an error of the group means for one that reads alone.
    fn explain(&self, error: Error, ours: bool) -> Error {
        match error::code(&error) {
            Some(Code::InconsistentGroupProtocol) => self.taken(),
            Some(Code::FencedInstanceId) if ours => Error::new(
                Kind::Unavailable,
                "the group forgot this process: no sign of life reached the brokers in time",
            )
            .context("group", &self.group),
            _ if error.kind() == Kind::Conflict => Error::new(
                Kind::Conflict,
                "another process reads this pipeline now: stop one of them, set `shared = true` in both so that the group shares the \
                 partitions out, or give this one a `group_id` of its own",
            )
            .context("group", &self.group)
            .source(error),
            _ => error.context("group", &self.group),
        }
    }

    /// Why the run ends, if it does. Cancel-safe.
    pub(super) async fn verdict(&mut self) -> Option<Error> {
        let fenced = self.failed.as_ref().is_some_and(|error| error::code(error) == Some(Code::FencedInstanceId));
        // The coordinator may have taken us for another, as when it had forgotten us: whose is the name now?
        let ours = fenced && self.is_ours().await;
        self.failed.take().map(|error| self.explain(error, ours))
    }

    /// Whether no other process has the name that this one holds the group by.
    async fn is_ours(&self) -> bool {
        let (group, name) = (self.group.clone(), self.name.clone());
        let look = async {
            let client = Client::new(&self.config.connection()?)?;
            let list = client.call("look at the group", move |consumer, limit| {
                let found = consumer.fetch_group_list(Some(&group), limit)?;
                Ok(found.groups().iter().flat_map(|group| group.members()).all(|member| member.client_id() == name))
            });
            list.await
        };
        let looked: Result<bool> = look.await;
        looked.unwrap_or(false)
    }

    pub(super) fn taken(&self) -> Error {
        Error::new(
            Kind::Conflict,
            "the group has other members, and this process is to read all partitions alone: stop them, set `shared = true`, or \
             set a `group_id` of its own",
        )
        .context("group", &self.group)
    }
}
