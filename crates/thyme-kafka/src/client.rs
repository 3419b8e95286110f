//! Reaching the brokers: settings, errors that librdkafka only mentions, tokens, and calls that block.
mod admin;
mod context;
mod farewell;
mod health;
mod msk;
mod settings;
mod token;
mod topics;
mod watch;

pub(crate) use admin::admin;
pub(crate) use context::Context;
pub(crate) use farewell::part;
pub(crate) use health::Health;
pub(crate) use settings::settings;
pub(crate) use token::Tokens;
pub(crate) use topics::{Committed, Partition, TopicIds};
pub(crate) use watch::Client;
