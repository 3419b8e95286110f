//! Files of this machine, written exactly once.
use std::collections::BTreeMap;
use std::sync::Arc;

use thyme_core::{Cursor, Error, Job, Kind, Opened, Result, Sink, SinkInfo, async_trait};
use thyme_files::config::FileMode;
use thyme_files::write::{self, LocalTarget, Options, Target};

use crate::sink_config::{FileSinkConfig, FileSinkConfigBuilder, file_sink_config_builder};

/// A folder of files, written exactly once.
///
/// ```
/// use thyme_file::FileSink;
///
/// let sink = FileSink::builder().path("out/orders").partition_by(["country"]).build();
/// ```
#[derive(Clone, Debug)]
pub struct FileSink {
    config: FileSinkConfig,
}

impl FileSink {
    /// A sink from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: FileSinkConfig) -> Self {
        Self { config }
    }

    /// Builds a configuration, then the sink.
    pub fn builder() -> FileSinkConfigBuilder {
        FileSinkConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without looking at files.
    ///
    /// # Errors
    /// `Config` for an empty path, a cloud URL, a template with unknown tokens, options that contradict each other.
    pub fn validate(&self) -> Result<()> {
        self.target()?;
        self.options().map(drop)
    }

    fn target(&self) -> Result<LocalTarget> {
        let path = local(&self.config.path)?;
        if self.config.mode == FileMode::Overwrite { LocalTarget::replacing(path) } else { Ok(LocalTarget::new(path)) }
    }

    fn options(&self) -> Result<Options> {
        self.config.writing().options()
    }
}

impl<S: file_sink_config_builder::IsComplete> FileSinkConfigBuilder<S> {
    /// The sink; nothing is reached.
    pub fn build(self) -> FileSink {
        FileSink::new(self.config())
    }
}

#[async_trait]
impl Sink for FileSink {
    fn info(&self) -> SinkInfo {
        let place = self.target().map_or_else(|_| self.config.path.clone(), |target| target.identity());
        self.config.writing().info(&place)
    }

    fn writes(&self, pipeline: &str) -> Option<String> {
        let (target, options) = (self.target().ok()?, self.options().ok()?);
        Some(format!("{}/{}", target.identity(), options.example(pipeline)))
    }

    async fn check(&self) -> Result<()> {
        self.options()?;
        self.target()?.check().await
    }

    async fn open(&self, job: &Job) -> Result<Opened> {
        write::open(Arc::new(self.target()?), job, self.options()?).await
    }

    async fn cursors(&self, pipeline: &str) -> Result<BTreeMap<Arc<str>, Cursor>> {
        write::cursors(&self.target()?, pipeline).await
    }
}

/// A path of this machine.
fn local(path: &str) -> Result<&str> {
    const SCHEMES: &[(&str, &str)] = &[("s3", "s3"), ("s3a", "s3"), ("gs", "gcs"), ("gcs", "gcs")];
    if path.is_empty() {
        return Err(Error::new(Kind::Config, "the path is empty"));
    }
    let Some((scheme, rest)) = path.split_once("://") else { return Ok(path) };
    if scheme == "file" && !rest.is_empty() {
        return Ok(rest);
    }
    let text = match SCHEMES.iter().find(|(known, _)| *known == scheme) {
        Some((_, right)) => format!("`{scheme}://` is written by `type = \"{right}\"`, not by `file`"),
        None => format!("a path of this machine is wanted, not a `{scheme}://` URL"),
    };
    Err(Error::new(Kind::Config, text).context("path", path))
}
