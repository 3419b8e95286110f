//! Names of files that are written.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub(crate) use thyme_core::file_name::{escape, escape_but, unescape};

/// A name for one attempt at writing, unlike any other.
#[must_use]
pub(crate) fn attempt() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}-{:x}", now.as_nanos(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
