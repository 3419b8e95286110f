//! Standard output, or any other stream: at least once, as it holds no cursor.
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thyme_core::{
    Batch, Cursor, Error, Job, Kind, Op, Opened, Reject, Result, Retry, Sink, SinkInfo, Staged, Writer, async_trait,
};
use thyme_files::config::csv;
use thyme_formats::csv::CsvEncoder;
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions};

use crate::stdout_config::{StdoutFormat, StdoutSinkConfig, StdoutSinkConfigBuilder, stdout_sink_config_builder};

type Stream = Arc<Mutex<dyn Write + Send>>;

/// Rows on standard output. They show when they are committed; after a crash those since the last commit may come again.
///
/// ```
/// use thyme_file::{StdoutFormat, StdoutSink};
///
/// let sink = StdoutSink::builder().format(StdoutFormat::Csv).build();
/// ```
#[derive(Clone)]
pub struct StdoutSink {
    config: StdoutSinkConfig,
    stream: Stream,
}

impl std::fmt::Debug for StdoutSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StdoutSink").field("config", &self.config).finish_non_exhaustive()
    }
}

impl StdoutSink {
    /// A sink from its configuration.
    #[must_use]
    pub fn new(config: StdoutSinkConfig) -> Self {
        Self::to(config, io::stdout())
    }

    /// The same to another stream.
    pub fn to(config: StdoutSinkConfig, stream: impl Write + Send + 'static) -> Self {
        Self { config, stream: Arc::new(Mutex::new(stream)) }
    }

    /// Builds a configuration, then the sink.
    pub fn builder() -> StdoutSinkConfigBuilder {
        StdoutSinkConfig::builder()
    }

    /// Says what is wrong with the configuration.
    ///
    /// # Errors
    /// `Config` for options that contradict each other.
    pub fn validate(&self) -> Result<()> {
        csv(self.config.delimiter.as_deref(), self.config.header, &self.config.null_value).map(drop)
    }
}

impl<S: stdout_sink_config_builder::IsComplete> StdoutSinkConfigBuilder<S> {
    /// The sink.
    pub fn build(self) -> StdoutSink {
        StdoutSink::new(self.config())
    }
}

#[async_trait]
impl Sink for StdoutSink {
    fn info(&self) -> SinkInfo {
        let format = match self.config.format {
            StdoutFormat::Jsonl => "jsonl",
            StdoutFormat::Csv => "csv",
        };
        SinkInfo {
            identity: format!("stdout {format}"),
            holds_cursor: false,
            ops: &[Op::Insert],
            before: false,
            partial: false,
            per_poll: false,
            commit_after: Duration::ZERO,
            commit_within: Duration::from_secs(1),
        }
    }

    async fn check(&self) -> Result<()> {
        self.validate()
    }

    async fn open(&self, job: &Job) -> Result<Opened> {
        let (config, columns) = (&self.config, job.dataset.columns());
        let StdoutSinkConfig { nulls, non_finite, decimals, int64, .. } = *config;
        let mut text = Vec::new();
        let encoder = match config.format {
            StdoutFormat::Jsonl => {
                Encoder::Jsonl(JsonEncoder::new(columns, JsonWriteOptions { nulls, non_finite, decimals, int64 })?)
            }
            StdoutFormat::Csv => {
                let options = csv(config.delimiter.as_deref(), config.header, &config.null_value)?;
                let encoder = CsvEncoder::new(columns, options)?;
                encoder.header(&mut text);
                Encoder::Csv(encoder)
            }
        };
        let writer = StdoutWriter { encoder: Some(encoder), text, full: job.buffer, stream: Arc::clone(&self.stream) };
        Ok(Opened { writer: Box::new(writer), cursor: None })
    }
}

enum Encoder {
    Jsonl(JsonEncoder),
    Csv(CsvEncoder),
}

struct StdoutWriter {
    /// Away while it works on another thread.
    encoder: Option<Encoder>,
    text: Vec<u8>,
    /// Bytes past which the text is to be committed.
    full: usize,
    stream: Stream,
}

#[async_trait]
impl Writer for StdoutWriter {
    async fn stage(&mut self, batch: &Batch) -> Result<Staged> {
        let (rows, mut text) = (batch.rows.clone(), std::mem::take(&mut self.text));
        let mut encoder = self.encoder.take().ok_or_else(|| Error::new(Kind::Unexpected, "an earlier batch was cut off"))?;
        let (encoder, text, bad) = blocking(move || {
            let bad = match &mut encoder {
                Encoder::Jsonl(encoder) => encoder.encode(&rows, &mut text, None)?,
                Encoder::Csv(encoder) => encoder.encode(&rows, &mut text)?,
            };
            Ok((encoder, text, bad))
        })
        .await?;
        (self.encoder, self.text) = (Some(encoder), text);
        let reject = |bad: thyme_formats::encode::BadRow| Reject { row: Some(bad.row), reason: bad.reason, ..Reject::default() };
        let rejects = bad.into_iter().map(reject).collect();
        Ok(Staged { rejects, buffered: self.text.len(), full: self.text.len() > self.full })
    }

    async fn commit(&mut self, _: &Cursor) -> Result<()> {
        let (text, stream) = (std::mem::take(&mut self.text), Arc::clone(&self.stream));
        blocking(move || {
            let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
            stream.write_all(&text).and_then(|()| stream.flush()).map_err(|e| match e.kind() {
                // Whoever read it has gone, and won't come back.
                io::ErrorKind::BrokenPipe => {
                    Error::new(Kind::Unavailable, "nobody reads standard output any more").retry(Retry::No).source(e)
                }
                _ => Error::new(Kind::Unavailable, "cannot write to standard output").source(e),
            })
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(Error::new(Kind::Unexpected, "writing to standard output was cut off").source(e)),
    }
}
