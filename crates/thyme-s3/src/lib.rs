//! Amazon S3 and its like for Thyme connectors: objects read once, written exactly once.
