//! How the program ends: 0 done, 1 a pipeline failed, 2 bad configuration or usage.
use std::fmt::Display;
use std::process::ExitCode;

use thyme_core::{Error, Kind};

use crate::logs::Screen;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is done.
    Done,
    /// Something failed.
    Failed,
    /// The configuration or the command line is wrong.
    Usage,
}

impl Exit {
    /// Says on stderr what failed.
    pub(crate) fn failed(screen: &Screen, what: impl Display) -> Self {
        screen.line(format_args!("error: {what}"));
        Self::Failed
    }

    /// Says on stderr what is wrong with the configuration or the command line.
    pub(crate) fn usage(screen: &Screen, what: impl Display) -> Self {
        screen.line(format_args!("error: {what}"));
        Self::Usage
    }

    /// Says on stderr what went wrong and what to do about it.
    pub(crate) fn error(screen: &Screen, error: &Error) -> Self {
        screen.line(format_args!("error: {error}"));
        screen.line(format_args!("  help: {}", error.remedy()));
        if error.kind() == Kind::Config { Self::Usage } else { Self::Failed }
    }

    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
        })
    }
}
