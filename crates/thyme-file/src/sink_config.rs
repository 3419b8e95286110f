//! What can be said about a file sink.
use schemars::JsonSchema;
use serde::Deserialize;
use thyme_files::with_writing;

with_writing! {
    /// Writes files, exactly once.
    #[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct FileSinkConfig {
        /// The folder that files are written to; it is made when it is not there. `_thyme` in it holds the pipeline's own files;
        /// under `overwrite` they are beside it, in `.<name>.thyme`.
        #[schemars(extend("x-path" = true))]
        pub path: String,
    }
}
