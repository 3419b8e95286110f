//! What can be said about a sink.
use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::with_bucket;

with_bucket! {
    with_writing!
    /// Writes objects, exactly once. `_thyme` below the folder holds the pipeline's own objects.
    #[derive(Clone, Debug, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), on(thyme_core::Secret, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct GcsSinkConfig {}
}
