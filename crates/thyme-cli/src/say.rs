//! Answers on stdout.
use std::fmt::Display;
use std::io::{self, Write};

/// One line of an answer. A reader that has had enough (`thyme … | head`) takes nothing more.
pub(crate) fn line(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
