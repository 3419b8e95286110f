//! What can be said about a source.
use schemars::JsonSchema;
use serde::Deserialize;
use thyme_files::config::ObjectChanged;

use super::fields::with_bucket;

with_bucket! {
    with_reading!
    /// Reads objects, each row once.
    #[derive(Clone, Debug, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), on(thyme_core::Secret, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct S3SourceConfig {
        /// What becomes of an object that was read and written again since, told by its etag: `ignore` leaves it as it was read
        /// and says so, `reread` reads it again from its start, `fail` fails.
        #[serde(default)]
        #[builder(default)]
        pub changed: ObjectChanged,
    }
}
