//! The contract of Thyme connectors.
pub mod drift;
mod error;

pub use error::{Error, Kind, Result, ResultExt, Retry};

/// The one Arrow of the workspace.
pub mod arrow {
    pub use arrow_array as array;
    pub use arrow_buffer as buffer;
    pub use arrow_data as data;
    pub use arrow_schema as datatypes;
    pub use arrow_select as select;
}
