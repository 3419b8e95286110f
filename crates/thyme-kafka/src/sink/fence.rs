//! Whose transactions these are: the task's place in the progress topic, and what to make of being fenced.
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thyme_core::{Cursor, Error, Kind, Result, Retry};

use super::progress::{About, Place, value};
use super::standing;
use crate::config::Connection;

/// The owner as whom a task was opened last, where it is not known whether it still is: kept beside the writer, which ends.
pub(super) type Doubt = Arc<Mutex<Option<String>>>;

/// One writer's hold on its task.
#[derive(Debug)]
pub(super) struct Fence {
    /// The progress topic.
    pub(super) topic: String,
    place: Place,
    /// This writer, and no other.
    owner: String,
    /// The last commit.
    seq: u64,
    /// How long the broker leaves a transaction open.
    timeout: Duration,
    connection: Connection,
    doubt: Doubt,
}

impl Fence {
    pub(super) fn new(topic: &str, place: Place, timeout: Duration, connection: Connection, doubt: Doubt) -> Self {
        Self { topic: topic.to_owned(), place, owner: name(), seq: 0, timeout, connection, doubt }
    }

    /// The record of the progress topic that holds `cursor`; without one, the record that names the owner.
    ///
    /// # Errors
    /// `Unexpected` for a cursor that is too large.
    pub(super) fn record(&self, cursor: Option<&Cursor>) -> Result<(Vec<u8>, Vec<u8>)> {
        let about = if cursor.is_some() { About::Cursor } else { About::Owner };
        Ok((self.place.key(about)?, value(&self.owner, cursor)?))
    }

    /// Whether this commit comes after the last one.
    ///
    /// # Errors
    /// `Conflict` for one that was made before.
    pub(super) fn follows(&self, cursor: &Cursor) -> Result<()> {
        if cursor.seq > self.seq {
            return Ok(());
        }
        let text = format!("commit {} was made before: the task stands at commit {}", cursor.seq, self.seq);
        Err(Error::new(Kind::Conflict, text).context("task", &self.place.task))
    }

    /// `cursor` is durable.
    pub(super) fn committed(&mut self, cursor: &Cursor) {
        self.seq = cursor.seq;
    }

    /// Before the task is taken over: where the last writer of this process could not tell a time-out from a fence, that is
    /// made up for.
    ///
    /// # Errors
    /// `Conflict` when another process has the task, `Unavailable` when that can't be told yet.
    pub(super) fn doubtless(&self) -> Result<()> {
        let doubted = self.doubt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(doubted) = doubted else { return Ok(()) };
        let standing = standing::by_anybody(&self.connection, &self.topic, &self.place)?;
        if standing.owner.as_deref() != Some(&*doubted) {
            return Err(self.taken());
        }
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Where the task stands, now that it is ours.
    ///
    /// # Errors
    /// `Unavailable`, and for records that do not parse.
    pub(super) fn standing(&mut self) -> Result<Option<Cursor>> {
        let standing = standing::as_owner(&self.connection, &self.topic, &self.place, &self.owner)?;
        self.seq = standing.cursor.as_ref().map_or(0, |cursor| cursor.seq);
        Ok(standing.cursor)
    }

    /// What it means that the broker refuses this writer, whose transaction was begun at `begun`. A transaction that was open for
    /// too long is aborted by the broker, which fences its producer just as a newer one would: then the owner is still this one.
    pub(super) fn lost(&self, begun: Option<Instant>) -> Error {
        if begun.is_none_or(|begun| begun.elapsed() < self.timeout) {
            return self.taken();
        }
        match standing::by_anybody(&self.connection, &self.topic, &self.place) {
            Ok(standing) if standing.owner.as_deref() == Some(&*self.owner) => {
                let limit = thyme_core::duration::show(self.timeout);
                let text = format!("the transaction was open for more than {limit}, and the broker aborted it: it is made again");
                Error::new(Kind::Unavailable, text).context("task", &self.place.task).retry(Retry::After(Duration::ZERO))
            }
            Ok(_) => self.taken(),
            Err(error) => {
                *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.owner.clone());
                let text = "the transaction was aborted, and it can't be told yet whether another process has the task";
                Error::new(Kind::Unavailable, text).context("task", &self.place.task).source(error)
            }
        }
    }

    fn taken(&self) -> Error {
        let text = "another process has opened this task since: what this one had not committed is not written";
        Error::new(Kind::Conflict, text).context("task", &self.place.task).context("topic", &self.place.topic)
    }
}

/// A name that nobody else has: 128 bits of the seeds that the standard library draws from the system, and the time.
fn name() -> String {
    let draw = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u128(jiff::Timestamp::now().as_nanosecond().unsigned_abs());
        hasher.write_u32(std::process::id());
        hasher.finish()
    };
    format!("{:016x}{:016x}", draw(), draw())
}
