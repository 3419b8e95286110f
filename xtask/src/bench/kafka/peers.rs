//! The peers in Python.

/// Pinned, as they were measured.
pub(super) const PACKAGES: &[&str] = &["confluent-kafka==2.12.2", "orjson==3.11.4"];
