//! The contract of Thyme connectors.
//!
//! ```text
//! Source ─plan→ Plan ─reader→ Reader ─Batch→ engine ─stage→ Writer ─commit(Cursor)→ durable ─ack→ Plan
//! ```
//!
//! Four rules carry all guarantees:
//! 1. One [`Task`] owns one cursor, one fence, one commit. [`Sink::open`] fences the task's older owner and returns its cursor.
//! 2. A [`Cursor`] is `base` (one position for the whole source) and a position by split. Only the plan folds finished splits
//!    into `base`.
//! 3. Order: reject → stage → commit → (save, if the sink holds no cursor) → ack. Nothing upstream moves earlier.
//! 4. Any failure but a rejected row drops reader, plan and writer; the task is opened again and goes on from what `open` returns.
mod advice;
mod batch;
mod cdc;
pub mod config;
pub mod connector;
mod cursor;
mod dataset;
pub mod drift;
pub mod duration;
pub mod env;
mod error;
mod ext;
pub mod field_type;
pub mod file_name;
pub mod fixed;
mod job;
pub mod memory;
mod nearest;
mod op;
pub mod record;
mod reject;
mod schedule;
mod secret;
mod sink;
mod size;
mod source;
pub mod state;
mod store;
pub mod testing;
mod value;

pub use advice::Advice;
pub use async_trait::async_trait;
pub use batch::Batch;
pub use bytes;
pub use cdc::Cdc;
pub use connector::{Connector, Registry};
pub use cursor::{Cursor, Position, SplitId};
pub use dataset::Dataset;
pub use error::{Error, Kind, Result, ResultExt, Retry};
pub use ext::{SinkExt, SourceExt};
pub use job::{Job, Start, Task};
pub use nearest::nearest;
pub use op::{Op, Ops};
pub use record::Record;
pub use reject::{Place, Reject};
pub use schedule::{Cron, Schedule};
pub use secret::{Revealed, Secret};
pub use sink::{Opened, Sink, SinkInfo, Staged, Writer};
pub use size::Size;
pub use source::{Plan, Reader, Source, SourceInfo};
pub use state::StateFiles;
pub use store::{CursorFiles, CursorStore, MemoryStore};
#[cfg(feature = "derive")]
pub use thyme_derive::Dataset;
pub use value::Value;

/// The one Arrow of the workspace.
pub mod arrow {
    pub use arrow_array as array;
    pub use arrow_buffer as buffer;
    pub use arrow_data as data;
    pub use arrow_schema as datatypes;
    pub use arrow_select as select;
}
