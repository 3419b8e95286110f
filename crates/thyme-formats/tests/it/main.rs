//! The tests of this crate, one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod avro_oracle;
mod avro_rules;
mod batches;
mod csv_oracle;
mod csv_rules;
mod debezium_avro;
mod debezium_out;
mod debezium_rules;
mod debezium_samples;
mod ipc_oracle;
mod ipc_rules;
mod json_arrow;
mod json_blocks;
mod json_infer;
mod json_lines;
mod json_oracle;
mod json_out_oracle;
mod json_out_rules;
mod json_reference;
mod json_types;
mod rng;
mod text;
