//! Google Cloud Storage for Thyme connectors: objects read once, written exactly once.
