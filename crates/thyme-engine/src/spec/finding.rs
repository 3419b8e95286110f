//! A mistake in a pipeline file.
use std::fmt;
use std::path::{Path, PathBuf};

use thyme_core::config::Problem;

/// A mistake in a pipeline file: the file, the line where the format tells it, the place, what is wrong, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
    /// Place, message and help.
    pub problem: Problem,
}

impl Finding {
    pub(super) fn new(file: &Path, line: Option<usize>, problem: Problem) -> Self {
        Self { file: file.to_owned(), line, problem }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}
