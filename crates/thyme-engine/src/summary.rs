//! What a run did, as one line.
use std::fmt;
use std::sync::Arc;

use thyme_core::{Cursor, Error};

/// What a run of a pipeline did.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The pipeline's name.
    pub pipeline: Arc<str>,
    /// Rows read, rejected ones included.
    pub read: u64,
    /// Rows that were staged and not committed: those an error left behind, to be read again.
    pub staged: u64,
    /// Rows committed.
    pub written: u64,
    /// Rows that came later than `max_lateness` allows.
    pub late: u64,
    /// Dead letters, late rows among them.
    pub dead: u64,
    /// Bad records left out, and rows before `from_timestamp`.
    pub skipped: u64,
    /// Bytes read, as they are in memory.
    pub bytes: u64,
    /// How long it ran.
    pub seconds: f64,
    /// Commits made.
    pub commits: u64,
    /// The last committed cursor; for a source of shared splits the one committed last.
    pub cursor: Option<Cursor>,
    /// The pipeline was run to its end under `@once` before: nothing was read.
    pub finished_before: bool,
}

impl Summary {
    pub(crate) fn of(pipeline: Arc<str>) -> Self {
        Self {
            pipeline,
            read: 0,
            staged: 0,
            written: 0,
            late: 0,
            dead: 0,
            skipped: 0,
            bytes: 0,
            seconds: 0.0,
            commits: 0,
            cursor: None,
            finished_before: false,
        }
    }

    /// Whether there was nothing new to read.
    #[must_use]
    pub fn nothing_new(&self) -> bool {
        self.read == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.pipeline)?;
        if self.finished_before {
            return f.write_str("finished before, nothing read; `thyme cursor reset` starts it anew");
        }
        if self.nothing_new() {
            f.write_str("nothing new, ")?;
        }
        let rate = if self.seconds > 0.0 { self.read as f64 / self.seconds } else { 0.0 };
        write!(
            f,
            "{} rows read, {} written, {} late, {} dead-lettered, {} skipped, {} bytes, {:.1} s, {rate:.0} rows/s",
            self.read, self.written, self.late, self.dead, self.skipped, self.bytes, self.seconds,
        )?;
        match &self.cursor {
            Some(cursor) => write!(f, ", cursor at commit {}", cursor.seq),
            None => f.write_str(", no cursor"),
        }
    }
}

/// How a pipeline ended: what it did, and the error that ended it, if one did.
#[derive(Debug)]
pub struct Outcome {
    /// What it did.
    pub summary: Summary,
    /// Why it ended before its end.
    pub error: Option<Error>,
}
