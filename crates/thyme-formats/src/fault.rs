//! Why a file of records can't be read, or not any further.
use std::io::ErrorKind;

use thyme_core::drift::Drift;

/// Why a file can't be read, or not any further.
#[derive(Debug)]
pub enum Fault {
    /// It is not of that format, or damaged: what is wrong.
    Damaged(String),
    /// Its columns are not those that are wanted.
    Drift(Drift),
    /// It could not be read from.
    Io(std::io::Error),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::Damaged("the file ends too early".into()) } else { Self::Io(error) }
    }
}
