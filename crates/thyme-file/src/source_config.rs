//! What can be said about a file source.
use schemars::JsonSchema;
use serde::Deserialize;
use thyme_files::read::Changed;
use thyme_files::with_reading;

with_reading! {
    /// Reads files, each row once; goes on where files grew.
    ///
    /// Under `changed = "append"` a last line without a line end may be going on. A JSON object that parses is taken at once;
    /// anything else waits until the line ends, the file has rested for a minute, or the run is `--once`. What does not parse then
    /// is reported and read again when the file goes on; a CSV record that was taken and goes on after all is an error.
    #[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, bon::Builder)]
    #[serde(deny_unknown_fields)]
    #[builder(on(String, into), finish_fn = config, state_mod(vis = "pub"))]
    pub struct FileSourceConfig {
        /// A file, a folder (all files below it), or a pattern with `*` `**` `?` `[a-z]` `{a,b}`. Names that begin with `.` or `_`
        /// are left out unless the pattern writes that character.
        #[schemars(extend("x-path" = true))]
        pub path: String,

        /// Whether the files are looked at again and again without a schedule, every `poll_interval_ms`.
        #[serde(default)]
        #[builder(default)]
        pub watch: bool,

        /// Milliseconds from one look at the files to the next under `watch`.
        #[serde(default = "poll_interval_ms")]
        #[builder(default = poll_interval_ms())]
        #[schemars(range(min = 1), extend("x-aliases" = ["pollIntervalMs"]))]
        pub poll_interval_ms: u64,

        /// What becomes of a file that was read and changed since: `append` reads on what was added and fails for any other change,
        /// `ignore` leaves it as it was read, `reread` reads it again from its start, `fail` fails.
        #[serde(default = "changed")]
        #[builder(default = changed())]
        pub changed: Changed,
    }
}

fn poll_interval_ms() -> u64 {
    1000
}

fn changed() -> Changed {
    Changed::Append
}
