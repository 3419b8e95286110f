//! Programs whose clock is off, by libfaketime.
use std::path::{Path, PathBuf};
use std::process::Command;

use thyme_core::{Error, Kind, Result};

/// Where the library is: as the system has it, or as `cargo xtask services up` put it.
const PLACES: &[&str] = &["/usr/lib/{arch}-linux-gnu/faketime", "services/faketime/usr/lib/{arch}-linux-gnu/faketime"];

fn library() -> Result<PathBuf> {
    let places =
        PLACES.iter().map(|place| Path::new(&place.replace("{arch}", std::env::consts::ARCH)).join("libfaketimeMT.so.1"));
    let found = places.filter_map(|place| super::installed(&place)).next();
    found.ok_or_else(|| Error::new(Kind::NotFound, "libfaketime is not installed: `cargo xtask services up` does that"))
}

/// Why no program can have a clock that is off here; `None` when it can.
#[must_use]
pub fn no_clock() -> Option<String> {
    library().err().map(|error| error.to_string())
}

/// Starts `command` with a clock that is off by `offset`: `-20m`, `+1h`.
///
/// # Errors
/// `NotFound` without libfaketime.
pub fn clock<'a>(command: &'a mut Command, offset: &str) -> Result<&'a mut Command> {
    Ok(command.env("LD_PRELOAD", library()?).env("FAKETIME", offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1"))
}
