//! Reading, as an engine would drive it.
mod bad;
mod changes;
mod columns;
mod formats;
mod listing;
mod resume;
mod support;
