//! All that is unsafe in this crate: what librdkafka offers and its bindings for Rust do not.
mod ids;
mod owned;
mod queue;
mod record;
mod token;

pub(crate) use ids::topic_ids;
pub(crate) use queue::Queue;
pub(crate) use record::Record;
pub(crate) use token::set_token;
