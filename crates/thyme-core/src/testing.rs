//! Switches of the test build (feature `testing`): places to die at, and deliberate breakages that a test must notice.
//!
//! Without the feature both functions are empty and cost nothing.

/// Kills this process, as `kill -9` would, when `THYME_CRASH` is `name` or `name:n` (the n-th time it comes by, from 1).
#[cfg(feature = "testing")]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(Some(wanted)) = crate::env::var("THYME_CRASH") else { return };
    let (wanted, nth) = wanted.split_once(':').map_or((wanted.as_str(), 1), |(w, n)| (w, n.parse().unwrap_or(1)));
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == nth {
        let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        std::process::abort();
    }
}

/// Whether the breakage `name` is switched on, by [`break_it`] or in `THYME_BREAK`.
#[cfg(feature = "testing")]
#[must_use]
pub fn broken(name: &str) -> bool {
    let switched = BROKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_deref() == Some(name);
    switched || matches!(crate::env::var("THYME_BREAK"), Ok(Some(on)) if on == name)
}

#[cfg(feature = "testing")]
static BROKEN: std::sync::Mutex<Option<String>> = std::sync::Mutex::new(None);

/// Switches one breakage on, or all off, for this whole process: such tests must not run beside others.
#[cfg(feature = "testing")]
pub fn break_it(name: Option<&str>) {
    *BROKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = name.map(str::to_owned);
}

/// Nothing, outside the test build.
#[cfg(not(feature = "testing"))]
#[inline(always)]
pub fn point(_: &str) {}

/// Never, outside the test build.
#[cfg(not(feature = "testing"))]
#[inline(always)]
#[must_use]
pub fn broken(_: &str) -> bool {
    false
}
