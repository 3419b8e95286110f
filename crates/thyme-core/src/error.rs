//! What went wrong, whether trying again can help, and what the operator should do.
use std::fmt;
use std::time::Duration;

/// The result of everything in the contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A kind for each thing a caller does differently, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The pipeline file, an option or a connection string is wrong.
    Config,
    /// The system refused who we are or what we may do.
    Auth,
    /// The table, topic, file or column is not there.
    NotFound,
    /// The connector or the target cannot do what was asked.
    Unsupported,
    /// The columns or types of source, dataset and sink do not fit together.
    Schema,
    /// A record cannot be decoded or written.
    Data,
    /// Another writer owns the task, or the cursor belongs to something else. Never retried.
    Conflict,
    /// The position to go on from no longer exists.
    CursorLost,
    /// The system asked us to slow down.
    RateLimited,
    /// The system cannot be reached or broke off; trying again may help.
    Unavailable,
    /// A defect, here or in a library.
    Unexpected,
}

/// Whether trying the same again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will fail again.
    No,
    /// After a growing pause.
    Backoff,
    /// Not before this long.
    After(Duration),
}

impl Kind {
    /// The name shown to people and used as a metric label.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.advice().0
    }

    /// One sentence for the operator.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.advice().2
    }

    /// The one table from kind to name, retry and remedy.
    fn advice(self) -> (&'static str, Retry, &'static str) {
        match self {
            Self::Config => ("config", Retry::No, "correct the pipeline file; `thyme validate` names every mistake at once"),
            Self::Auth => ("auth", Retry::No, "check the user, the secret and the privileges; `thyme check` tries them"),
            Self::NotFound => ("not_found", Retry::No, "check the name and that it exists; `thyme check` looks for it"),
            Self::Unsupported => {
                ("unsupported", Retry::No, "choose another mode, or another connector; `thyme schema` lists what this one can do")
            }
            Self::Schema => (
                "schema",
                Retry::No,
                "compare the dataset with the source by `thyme inspect`, then change `fields` or `on_drift`",
            ),
            Self::Data => {
                ("data", Retry::No, "mend the record, or set `on_error` to `skip` or `dead_letter` to go on without it")
            }
            Self::Conflict => (
                "conflict",
                Retry::No,
                "find the other process that runs this pipeline, or give this one a name and a state of its own",
            ),
            Self::CursorLost => {
                ("cursor_lost", Retry::No, "choose where to go on with `on_cursor_lost`, or set the place by `thyme cursor`")
            }
            Self::RateLimited => {
                ("rate_limited", Retry::Backoff, "nothing to do: it is tried again; poll less often if it stays")
            }
            Self::Unavailable => {
                ("unavailable", Retry::Backoff, "nothing to do: it is tried again; check host, port and network if it stays")
            }
            Self::Unexpected => ("unexpected", Retry::Backoff, "this is a defect: please report it with the log"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error of a connector or the engine: kind, retry advice, message, context and source. One word wide.
///
/// `Display` is one line: message, context, then the chain of sources. Messages are lower-case without a closing dot.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    retry: Retry,
    message: String,
    context: Vec<(&'static str, String)>,
    drift: Option<Box<crate::drift::Drift>>,
    source: Option<Cause>,
}

impl Error {
    /// An error of `kind` with that kind's usual retry advice.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let (message, retry) = (message.into(), kind.advice().1);
        Self(Box::new(Inner { kind, retry, message, context: Vec::new(), drift: None, source: None }))
    }

    /// The columns of the source changed: the engine applies `on_drift` and opens anew.
    #[must_use]
    pub fn drift(drift: crate::drift::Drift) -> Self {
        let mut error = Self::new(Kind::Schema, drift.to_string());
        error.0.drift = Some(Box::new(drift));
        error
    }

    /// Adds what it was about: `.context("table", name)`.
    #[must_use]
    pub fn context(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((name, value.to_string()));
        self
    }

    /// Keeps the cause; its text is not to be repeated in the message.
    #[must_use]
    pub fn source(mut self, cause: impl Into<Cause>) -> Self {
        self.0.source = Some(cause.into());
        self
    }

    /// Overrides the kind's retry advice.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// What a caller decides by.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn retry_advice(&self) -> Retry {
        self.0.retry
    }

    /// The message without kind, context and sources.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The change of columns this error reports, if it does.
    #[must_use]
    pub fn as_drift(&self) -> Option<&crate::drift::Drift> {
        self.0.drift.as_deref()
    }

    /// One sentence for the operator.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.0.kind.remedy()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (i, (name, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{name}: {value}", if i == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} error: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|cause| cause as _)
    }
}

/// Context for a result that already carries an [`Error`].
pub trait ResultExt<T> {
    /// Adds what the error was about; the value is made only when there is an error.
    ///
    /// # Errors
    /// The error it was called on, with more context.
    fn context<D: fmt::Display>(self, name: &'static str, value: impl FnOnce() -> D) -> Result<T>;
}

impl<T> ResultExt<T> for Result<T> {
    fn context<D: fmt::Display>(self, name: &'static str, value: impl FnOnce() -> D) -> Self {
        self.map_err(|error| error.context(name, value()))
    }
}
