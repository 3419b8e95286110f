//! Running the programs of a server.
use std::path::Path;
use std::process::Command;

use thyme_core::{Error, Kind, Result};

/// Runs it to its end and returns stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| broke("a program does not start", Path::new(&shown), e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::new(Kind::Unavailable, format!("{shown} failed: {said}")).context("status", output.status))
}

/// Something with a file went wrong.
pub(crate) fn broke(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Unavailable, what).context("path", path.display()).source(error)
}

/// FNV-1a: the same in every process.
pub(crate) fn hash(path: &Path) -> u32 {
    path.as_os_str().as_encoded_bytes().iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
