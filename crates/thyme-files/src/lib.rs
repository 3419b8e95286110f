//! Files as a stream, on local disks and object stores: found, told apart, put in order, read on where they grew, and
//! written exactly once.
//!
//! Reading is written against [`storage::Storage`]; a connector brings one of those and its own configuration.
pub mod buckets;
pub mod config;
mod names;
pub mod objects;
pub mod read;
pub mod state;
pub mod storage;
pub mod write;
