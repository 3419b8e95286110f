//! All that is unsafe in this crate: bytes compared many at a time, and text that is not checked twice.
pub(crate) mod lanes;
pub(crate) mod strings;
