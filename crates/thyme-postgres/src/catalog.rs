//! What the server knows about a table or a query.
mod columns;
mod resolve;
mod table;

pub use columns::{Column, describe_query};
pub use table::{Index, Table, TableKind, describe_table, find_table};
