//! One mistake in a configuration.
use std::fmt;

use crate::{Error, Kind};

/// One mistake: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path in the file: `pipeline.orders.source.tabel`.
    pub place: String,
    /// What is wrong: lower-case, without a closing dot. Never the value of a secret.
    pub message: String,
    /// What to do: the nearest right name, the accepted values.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without help.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), help: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with the nearest of `names` as help, or all of them when none is near and they are few.
    #[must_use]
    pub fn nearest<'a>(mut self, word: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        self.help = match crate::nearest(word, names.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if names.is_empty() || names.len() > 24 => None,
            None => Some(format!("known: {}", names.join(", "))),
        };
        self
    }

    /// What a refusal of a connector is, said of `place`.
    #[must_use]
    pub fn of(place: impl Into<String>, error: &Error) -> Self {
        Self::new(place, error.to_string())
    }

    /// All of them as one `Config` error.
    #[must_use]
    pub fn error(problems: &[Self]) -> Error {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Error::new(Kind::Config, lines.join("; "))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}
