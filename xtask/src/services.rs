//! `cargo xtask services`: the systems that integration tests need.
use crate::Result;

/// No connector of this release needs one: local files are the system.
pub(crate) fn run(args: &[&str]) -> Result {
    match args {
        [] | ["list" | "up" | "down"] => {
            println!("no connector needs a service: `file` and `stdout` work on local files");
            Ok(())
        }
        _ => Err("usage: cargo xtask services [list|up|down]".to_owned()),
    }
}
