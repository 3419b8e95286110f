//! What a connector is told about the pipeline it works for.
use std::fmt;
use std::sync::Arc;

use crate::{Cdc, Dataset};

/// The owner of a cursor, a fence and a commit. A process alone runs a pipeline as task `0`; where processes share splits,
/// each split is a task of its own, which moves with the split.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task {
    /// The pipeline's name: `[A-Za-z0-9_-]+`.
    pub pipeline: Arc<str>,
    /// `0`, or the split's id.
    pub task: Arc<str>,
}

impl Task {
    /// The task of a process that reads the whole pipeline.
    pub fn alone(pipeline: impl Into<Arc<str>>) -> Self {
        Self { pipeline: pipeline.into(), task: "0".into() }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pipeline, self.task)
    }
}

/// Where to begin without a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest that is there.
    Earliest,
    /// With what comes from now on.
    Latest,
    /// Event or arrival time in µs since 1970.
    At(i64),
}

/// What a connector is told about the pipeline it works for.
#[derive(Clone, Debug)]
pub struct Job {
    /// Whose cursor and fence this is.
    pub task: Task,
    /// Columns to read and their types; a writer gets batches of exactly these.
    pub dataset: Arc<Dataset>,
    /// The cursor column of a polling table.
    pub cursor: Option<String>,
    /// Where to begin without a cursor, when the user says more than the connector's own default; also what `on_cursor_lost`
    /// asks for after the engine dropped a cursor that no longer holds.
    pub start: Option<Start>,
    /// How the rows are meant.
    pub cdc: Cdc,
    /// End where the source ends now.
    pub once: bool,
    /// Columns that the dataset does not have are [drift](crate::Error::drift); else they are left out.
    pub report_drift: bool,
    /// Bytes the connector may hold outside batches (client queues, row groups): a share of `--memory`.
    pub buffer: usize,
    /// Threads that one reader or writer may keep busy.
    pub threads: usize,
}

impl Job {
    /// A job with nothing special about it: append, 16 MiB, as many threads as there are cores.
    #[must_use]
    pub fn new(task: Task, dataset: Arc<Dataset>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            task,
            dataset,
            cursor: None,
            start: None,
            cdc: Cdc::Append,
            once: false,
            report_drift: false,
            buffer: 16 << 20,
            threads,
        }
    }

    /// The same for another task of the pipeline.
    #[must_use]
    pub fn for_task(&self, task: Arc<str>) -> Self {
        Self { task: Task { pipeline: Arc::clone(&self.task.pipeline), task }, ..self.clone() }
    }
}
