//! Runs Thyme pipelines: schedule, lateness, delivery, retry, dead letters, metrics.
//!
//! A [`Pipeline`] is one source, one sink and what the user decided; an [`Engine`] runs any number of them beside each other.
//! The order never changes: reject → stage → commit → save (if the sink holds no cursor) → acknowledge. Any failure but a
//! rejected record drops reader, plan and writer, and the task is opened anew from what the sink says.
mod budget;
mod clock;
mod columns;
mod engine;
mod lane;
mod letters;
mod lock;
mod map;
pub mod metrics;
mod pipeline;
mod policy;
mod progress;
mod pump;
mod row;
mod rules;
mod run;
mod session;
pub mod spec;
mod state;
mod summary;
mod tasks;
mod watch;
mod watermark;
mod work;

pub use engine::{Engine, EngineBuilder};
pub use letters::replay::Replayed;
pub use letters::{Letter, Stage};
pub use lock::Holder;
pub use pipeline::{IntoSink, IntoSource, Owned, Pipeline, PipelineBuilder, Shared};
pub use policy::{CommitPolicy, FromTimestamp, Late, OnCursorLost, OnDrift, OnError, RetryPolicy};
pub use progress::{Doing, Progress};
pub use rules::Mistake;
pub use state::State;
pub use summary::{Outcome, Summary};
