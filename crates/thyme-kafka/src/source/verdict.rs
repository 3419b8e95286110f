//! Why a run ends that its group has something against.
use rdkafka::error::RDKafkaErrorCode as Code;
use thyme_core::{Error, Kind};

use super::plan::KafkaPlan;
use crate::error;

impl KafkaPlan {
    /// What an error of the group means for one that reads alone.
    fn explain(&self, error: Error) -> Error {
        match error::code(&error) {
            Some(Code::InconsistentGroupProtocol) => self.taken(),
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

    /// Why the run ends, if it does.
    pub(super) fn verdict(&mut self) -> Option<Error> {
        self.failed.take().map(|error| self.explain(error))
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
