//! Files of this machine, read as a stream.
use std::path::Path;
use std::time::Duration;

use thyme_core::{Batch, Cursor, Dataset, Error, Job, Kind, Plan, Reject, Result, Source, SourceInfo, async_trait};
use thyme_files::read::{FilesSource, Noted, ReadOptions};
use thyme_files::storage::LocalStorage;

use crate::source_config::{FileSourceConfig, FileSourceConfigBuilder, file_source_config_builder};

/// Types that read what a URL in `path` means.
const SCHEMES: &[(&str, &str)] =
    &[("s3", "s3"), ("s3a", "s3"), ("gs", "gcs"), ("gcs", "gcs"), ("http", "http"), ("https", "http")];

/// Files, a folder of them or those that a pattern matches, each row once.
///
/// ```
/// use thyme_file::FileSource;
///
/// let source = FileSource::builder().path("logs/*.jsonl").watch(true).build();
/// ```
#[derive(Clone, Debug)]
pub struct FileSource {
    config: FileSourceConfig,
    noted: Noted,
}

impl FileSource {
    /// A source from its configuration; nothing is reached.
    #[must_use]
    pub fn new(config: FileSourceConfig) -> Self {
        Self { config, noted: Noted::default() }
    }

    /// Builds a configuration, then the source.
    pub fn builder() -> FileSourceConfigBuilder {
        FileSourceConfig::builder()
    }

    /// Says what is wrong with the configuration, as far as that shows without looking at files.
    ///
    /// # Errors
    /// `Config` for an empty path, a cloud URL, a pattern that does not parse, and CSV options that contradict each other.
    pub fn validate(&self) -> Result<()> {
        self.files().map(drop)
    }

    fn files(&self) -> Result<FilesSource<LocalStorage>> {
        Ok(FilesSource::noting(LocalStorage::new(self.path()?)?, self.options()?, self.noted.clone()))
    }

    fn path(&self) -> Result<&str> {
        let path = self.config.path.as_str();
        if path.is_empty() {
            return Err(Error::new(Kind::Config, "the path is empty"));
        }
        let Some((scheme, rest)) = path.split_once("://") else { return Ok(path) };
        if scheme == "file" {
            return Ok(rest);
        }
        let text = match SCHEMES.iter().find(|(known, _)| scheme.rsplit('/').next() == Some(*known)) {
            Some((_, right)) => format!("`{scheme}://` is read by a source of type `{right}`, not `file`"),
            None => format!("`path` is a path on this machine, not a `{scheme}://` URL"),
        };
        Err(Error::new(Kind::Config, text).context("path", path))
    }

    fn options(&self) -> Result<ReadOptions> {
        self.config.reading().options(&self.config.path, self.config.changed)
    }
}

impl<S: file_source_config_builder::IsComplete> FileSourceConfigBuilder<S> {
    /// The source; nothing is reached.
    pub fn build(self) -> FileSource {
        FileSource::new(self.config())
    }
}

#[async_trait]
impl Source for FileSource {
    fn info(&self) -> SourceInfo {
        let auto = self.config.watch.then(|| Duration::from_millis(self.config.poll_interval_ms.max(1)));
        SourceInfo { identity: format!("file:{}", self.config.path), auto, ..SourceInfo::default() }
    }

    fn reads(&self, place: &str) -> bool {
        let file = place.strip_prefix("file://").map(Path::new);
        file.is_some_and(|file| self.files().is_ok_and(|files| files.storage().takes(file)))
    }

    async fn check(&self) -> Result<()> {
        self.files()?.check().await
    }

    async fn discover(&self) -> Result<Option<Dataset>> {
        self.files()?.discover().await
    }

    async fn plan(&self, job: &Job, from: &Cursor) -> Result<Box<dyn Plan>> {
        self.files()?.plan(job, from).await
    }

    async fn decode(&self, job: &Job, records: &[Reject]) -> Result<Batch> {
        self.files()?.decode(job, records)
    }
}
