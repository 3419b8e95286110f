//! Why a run ends that its group has something against.
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use thyme_core::{Error, Kind};

use super::plan::KafkaPlan;
use crate::error;

/// No request is held up for longer once the line stands again.
const HELD_UP: Duration = Duration::from_secs(60);

impl KafkaPlan {
    /// What an error of the group means for one that reads alone.
    fn explain(&self, error: Error) -> Error {
        match error::code(&error) {
            Some(Code::InconsistentGroupProtocol) => self.taken(),
            Some(Code::FencedInstanceId) if self.may_have_met_itself() => Error::new(
                Kind::Unavailable,
                "the group fenced this process soon after its line broke, as for a request to join that was held up and came after \
                 the next one: it joins anew",
            )
            .context("group", &self.group)
            .source(error),
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

    /// Whether its own request can have fenced it: the line broke, and it is not back for long. Another process that came
    /// meanwhile is fenced in turn, and stays down.
    fn may_have_met_itself(&self) -> bool {
        self.broke.is_some_and(|at| !self.joined || at.elapsed() < HELD_UP)
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
