#![doc = include_str!("../README.md")]
mod registry;

pub use registry::*;
#[doc(inline)]
pub use thyme_core as core;
#[doc(inline)]
pub use thyme_engine as engine;
