//! CSV both ways.
//!
//! Reading is one pass over the bytes: each field is parsed where it stands and its value goes straight into its column. The rules:
//!
//! - a record ends with LF or CRLF outside quotes; a lone CR in a bare field is a fault, never a record's end;
//! - an empty line is a record only in a file of one column;
//! - a quote that opens a field has its pair before the delimiter; a quote within a bare field is a fault unless
//!   [`stray_quote_is_text`](CsvOptions::stray_quote_is_text);
//! - a bare field that spells [`null_value`](CsvOptions::null_value) is NULL, a quoted one never is;
//! - the header is mapped to the schema by name;
//! - a bad record costs itself: where it ends is decided by the same grammar, so nothing that follows is misread.
mod column;
mod encode;
mod field;
mod header;
mod infer;
mod number;
mod options;
mod oversize;
mod record;
mod scanner;

pub use encode::{CsvEncoder, CsvWriteOptions};
pub use infer::infer;
pub use options::CsvOptions;
pub use scanner::CsvScanner;
