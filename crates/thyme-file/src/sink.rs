//! Files of this machine, written exactly once.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thyme_core::{Cursor, Error, Job, Kind, Op, Opened, Result, Sink, SinkInfo, async_trait};
use thyme_files::write::{self, Compression, Format, LocalTarget, Mode, Options, Roll, Target};
use thyme_formats::json_out::JsonWriteOptions;
use thyme_formats::parquet::{ParquetCompression, ParquetWriteOptions};

use crate::sink_config::{
    FileCompression, FileFormat, FileMode, FileSinkConfig, FileSinkConfigBuilder, RollConfig, csv, file_sink_config_builder,
};

/// With less than this between commits there are more files than anybody wants to read.
const COMMIT_AFTER: Duration = Duration::from_secs(60);

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
        let config = &self.config;
        let template = config.file_template.as_deref().map(str::parse).transpose()?.unwrap_or_default();
        let format = match config.format {
            FileFormat::Parquet => Format::Parquet(ParquetWriteOptions { compression: pages(config.compression) }),
            FileFormat::Jsonl => {
                let FileSinkConfig { nulls, non_finite, decimals, int64, .. } = *config;
                Format::Jsonl(JsonWriteOptions { nulls, non_finite, decimals, int64 }, text(config.compression)?)
            }
            FileFormat::Csv => {
                let options = csv(config.delimiter.as_deref(), config.header, &config.null_value)?;
                Format::Csv(options, text(config.compression)?)
            }
        };
        let mode = match config.mode {
            FileMode::Append => Mode::Append,
            FileMode::Overwrite => Mode::Overwrite,
            FileMode::ErrorIfExists => Mode::ErrorIfExists,
        };
        let RollConfig { size, rows, interval } = config.roll;
        if rows == Some(0) || size.0 == 0 {
            return Err(Error::new(Kind::Config, "a file holds at least one row and one byte").context("roll", "0"));
        }
        let roll = Roll { size: size.0, rows, interval };
        Ok(Options { format, mode, partition_by: config.partition_by.clone(), template, roll })
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
        SinkInfo {
            identity: format!("{place} {}", self.config.format.name()),
            holds_cursor: true,
            ops: &[Op::Insert],
            before: false,
            partial: false,
            per_poll: self.config.mode == FileMode::Overwrite,
            commit_after: COMMIT_AFTER.min(self.config.roll.interval),
            commit_within: self.config.roll.interval,
        }
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

fn pages(compression: Option<FileCompression>) -> ParquetCompression {
    match compression {
        Some(FileCompression::None) => ParquetCompression::None,
        None | Some(FileCompression::Snappy) => ParquetCompression::Snappy,
        Some(FileCompression::Gzip) => ParquetCompression::Gzip,
        Some(FileCompression::Zstd) => ParquetCompression::Zstd,
    }
}

fn text(compression: Option<FileCompression>) -> Result<Compression> {
    match compression {
        None | Some(FileCompression::None) => Ok(Compression::None),
        Some(FileCompression::Gzip) => Ok(Compression::Gzip),
        Some(FileCompression::Zstd) => Ok(Compression::Zstd),
        Some(FileCompression::Snappy) => {
            Err(Error::new(Kind::Config, "files of text are compressed by gzip or zstd; snappy is for Parquet")
                .context("compression", "snappy"))
        }
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
