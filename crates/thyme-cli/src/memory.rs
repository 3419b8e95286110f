//! How the C library's allocator is set up: blocks of megabytes come and go all the time, and are kept for the next ones.
//!
//! By default they go back to the system, which clears them page by page when they come again: a sixth of the time of a run
//! from JSON to Parquet. And many arenas keep memory apart that nobody else can use: up to half of the peak (docs/adr/0009).

/// Free memory above this goes back to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 64 << 20;

/// Larger blocks are taken from the system one by one; the most the library allows.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 32 << 20;

/// Sets up the allocator. To be called before there are threads. What the user says by `MALLOC_…` variables is overridden.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the C library has no other way; a sixth of the time from JSON to Parquet")]
pub(crate) fn set_up() {
    let arenas = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(64));
    let settings = [
        (libc::M_ARENA_MAX, libc::c_int::try_from(arenas).unwrap_or(1)),
        (libc::M_TRIM_THRESHOLD, KEPT),
        (libc::M_MMAP_THRESHOLD, LARGE),
    ];
    for (parameter, value) in settings {
        // SAFETY: `mallopt` takes any two numbers and refuses those it does not know; no other thread allocates yet.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Nothing is known to be worth setting elsewhere.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn set_up() {}
