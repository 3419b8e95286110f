//! The engine from outside.
#![allow(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

mod delivery;
mod drift;
mod isolation;
mod kit;
mod late;
mod letters;
mod map;
mod metrics;
mod retry;
mod rules;
mod schedule;
mod shutdown;
mod state;
mod whole;
