//! One task's stream of records into the topic: a transaction a commit, or none.
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use thyme_core::testing::{broken, point};
use thyme_core::{Batch, Cursor, Error, Kind, Reject, Result, Retry, Staged};

use super::fence::Fence;
use super::line::{Line, Unsent, lost};
use super::records::{Record, Records};
use super::refused::{Refused, print};

/// Rows that are made records of at a time: what is sent is still in the cache.
const CHUNK: usize = 4096;

/// How long taking a task over may take: its last transaction is ended before.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// How long giving up may take that nobody waits for.
const FAREWELL: Duration = Duration::from_secs(1);

/// One task's stream of records. All of this blocks.
pub(super) struct Publisher {
    pub(super) line: Line,
    pub(super) topic: String,
    pub(super) records: Records,
    /// Under `exactly_once`: whose transactions these are.
    pub(super) fence: Option<Fence>,
    pub(super) refused: Refused,
    /// Since when a transaction is open.
    pub(super) begun: Option<Instant>,
    /// How long a commit may take.
    pub(super) limit: Duration,
}

/// What is known about a record before it is sent.
enum Verdict {
    Unknown,
    Sent,
    Refused(String),
}

impl Publisher {
    /// Sends the records of `batch`; nobody sees them before their commit, where there are transactions.
    ///
    /// # Errors
    /// `Conflict` when the task was taken over, `Unavailable` for whatever can be made again.
    pub(super) fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        let rows = batch.rows.num_rows();
        let mut rejects = Vec::new();
        for offset in (0..rows).step_by(CHUNK) {
            self.begin()?;
            let part = if rows <= CHUNK { batch.clone() } else { batch.slice(offset, CHUNK.min(rows - offset)) };
            let mut bad = self.records.encode(&part)?;
            self.send(&part, &mut bad)?;
            rejects.extend(bad.into_iter().map(|bad| Reject { row: bad.row.map(|row| row + offset), ..bad }));
            if !self.line.well() {
                return Err(self.failure(None));
            }
        }
        point("kafka.staged");
        Ok(Staged { rejects, ..Staged::default() })
    }

    /// All that was sent and `cursor` as one.
    ///
    /// # Errors
    /// As [`Publisher::stage`].
    pub(super) fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        let Some(fence) = &self.fence else {
            self.settle()?;
            point("kafka.before_commit");
            point("kafka.after_commit");
            self.refused.clear();
            return Ok(());
        };
        fence.follows(cursor)?;
        let (key, value) = fence.record(Some(cursor))?;
        if broken("cursor_apart") {
            self.begin()?;
            self.end()?;
        }
        self.begin()?;
        self.progress(&key, &value)?;
        self.end()?;
        if let Some(fence) = &mut self.fence {
            fence.committed(cursor);
        }
        self.refused.clear();
        Ok(())
    }

    /// Takes the task over: what older writers have not committed by now they never will. Returns where it stood.
    ///
    /// # Errors
    /// `Auth`, `Unavailable`; `Conflict` when somebody else does the same at this moment.
    pub(super) fn open(&mut self) -> Result<Option<Cursor>> {
        let Some(fence) = &self.fence else { return Ok(None) };
        fence.doubtless()?;
        self.line.init(TAKE_OVER)?;
        let (key, value) = fence.record(None)?;
        self.begin()?;
        self.progress(&key, &value)?;
        self.end()?;
        let Some(fence) = &mut self.fence else { return Ok(None) };
        fence.standing()
    }

    fn begin(&mut self) -> Result<()> {
        if self.fence.is_some() && self.begun.is_none() {
            self.line.begin().map_err(|error| self.failure(Some(error)))?;
            self.begun = Some(Instant::now());
        }
        Ok(())
    }

    /// Sends the records of the batch that was encoded last; adds the rows that are known to be refused to `bad`.
    fn send(&mut self, batch: &Batch, bad: &mut Vec<Reject>) -> Result<()> {
        let (headers, known) = (self.records.headers(batch), !self.refused.is_empty());
        for row in 0..batch.rows.num_rows() {
            let Some(record) = self.records.get(row, &headers) else { continue };
            let end = self.records.ends(batch, row).then_some(Record { value: None, headers: None, ..record });
            let verdict = if known { self.warily(&record)? } else { Verdict::Unknown };
            let sent = match verdict {
                Verdict::Unknown => self.line.send(&self.topic, record),
                Verdict::Sent => Ok(()),
                Verdict::Refused(reason) => {
                    bad.push(Reject { row: Some(row), reason, ..Reject::default() });
                    continue;
                }
            };
            let sent = sent.and_then(|()| end.map_or(Ok(()), |end| self.line.send(&self.topic, end)));
            let Err(unsent) = sent else { continue };
            match unsent {
                Unsent::TooLarge => {
                    let reason = "the record is larger than the client sends (`message.max.bytes`)".to_owned();
                    bad.push(Reject { row: Some(row), reason, ..Reject::default() });
                }
                Unsent::Broken(error) => return Err(self.failure(Some(error))),
                Unsent::Stopped => return Err(Error::new(Kind::Unavailable, "nobody waits for these rows any more")),
            }
        }
        if known {
            bad.sort_by_key(|bad| bad.row);
        }
        Ok(())
    }

    /// What is known about a record; one that is suspected is sent alone.
    fn warily(&self, record: &Record<'_>) -> Result<Verdict> {
        let print = print(record.key, record.value);
        if let Some(reason) = self.refused.reason(print) {
            return Ok(Verdict::Refused(reason));
        }
        if !self.refused.is_suspect(print) {
            return Ok(Verdict::Unknown);
        }
        self.settle()?;
        let alone = Record { headers: record.headers.clone(), ..*record };
        if let Err(Unsent::Broken(error)) = self.line.send(&self.topic, alone) {
            return Err(self.failure(Some(error)));
        }
        self.settle()?;
        Ok(Verdict::Sent)
    }

    /// Sends a record of the progress topic.
    fn progress(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let Some(fence) = &self.fence else { return Ok(()) };
        let record = Record { key: Some(key), value: Some(value), partition: Some(super::standing::PARTITION), headers: None };
        match self.line.send(&fence.topic, record) {
            Ok(()) => Ok(()),
            Err(Unsent::Broken(error)) => Err(self.failure(Some(error))),
            Err(Unsent::TooLarge) => {
                let text = "the cursor is larger than the client sends: raise `message.max.bytes` under `properties`";
                Err(Error::new(Kind::Config, text))
            }
            Err(Unsent::Stopped) => Err(Error::new(Kind::Unavailable, "nobody waits for this commit any more")),
        }
    }

    /// Every record is answered, and well.
    fn settle(&self) -> Result<()> {
        if self.line.settle(self.limit)? { Ok(()) } else { Err(self.failure(None)) }
    }

    /// Ends the transaction: all of it is durable.
    fn end(&mut self) -> Result<()> {
        self.settle()?;
        point("kafka.before_commit");
        match self.line.commit(self.limit) {
            Ok(()) => {
                point("kafka.after_commit");
                self.begun = None;
                Ok(())
            }
            Err(Ok(error)) => Err(self.failure(Some(error))),
            Err(Err(error)) => Err(error),
        }
    }

    /// Why the transaction is lost.
    fn failure(&self, error: Option<KafkaError>) -> Error {
        let failed = self.line.failed();
        if !failed.refused.is_empty() {
            return self.set_apart(failed.refused, failed.certain);
        }
        let fatal = self.line.fatal();
        let said = error.as_ref().and_then(KafkaError::rdkafka_error_code);
        let codes = [fatal.as_ref().map(|(code, _)| *code), failed.other, said];
        let fenced = |code: &Code| matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch);
        if let Some(fence) = &self.fence
            && codes.iter().flatten().any(fenced)
        {
            return fence.lost(self.begun);
        }
        let message = if self.fence.is_some() { "the transaction failed" } else { "some records were not delivered" };
        let code = failed.other.or(fatal.as_ref().map(|(code, _)| *code)).or(said).unwrap_or(Code::Unknown);
        let lost = lost(code, message).context("topic", &self.topic);
        match (fatal, error) {
            (Some((_, text)), _) => lost.context("said", crate::error::one_line(&text)),
            (None, Some(error)) => lost.context("said", crate::error::one_line(&error.to_string())),
            (None, None) => lost,
        }
    }

    /// The records are remembered, and the transaction is made again without them.
    fn set_apart(&self, refused: Vec<(u64, String)>, certain: bool) -> Error {
        let (count, reason) = (refused.len(), refused.first().map(|(_, reason)| reason.clone()).unwrap_or_default());
        if !self.refused.learn(refused, certain) {
            let text = format!("the topic {} takes none of thousands of records: {reason}", self.topic);
            return Error::new(Kind::Data, text);
        }
        let text = format!("the broker refuses {count} of the records of this commit, which is made again without them");
        Error::new(Kind::Unavailable, text)
            .context("topic", &self.topic)
            .context("said", reason)
            .retry(Retry::After(Duration::ZERO))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // Whoever reads the topic would wait for the end of the transaction.
        if self.begun.is_some() {
            self.line.abort(FAREWELL);
        }
    }
}
