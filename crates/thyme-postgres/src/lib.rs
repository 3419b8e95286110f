//! PostgreSQL tables for Thyme connectors.
