//! All that is unsafe in this crate: what librdkafka offers and its bindings for Rust do not.
mod token;

pub(crate) use token::set_token;
