//! Everything that goes to stderr: logs, bars, summaries. Never the data.
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    Human,
    /// A JSON object a line.
    Json,
}

/// Stderr, with bars at its foot when it is a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    format: LogFormat,
    bars: Option<MultiProgress>,
}

impl Screen {
    pub(crate) fn new(format: LogFormat) -> Self {
        let bars = format == LogFormat::Human && io::stderr().is_terminal();
        Self { format, bars: bars.then(MultiProgress::new) }
    }

    /// Where bars are drawn, on a terminal.
    pub(crate) fn bars(&self) -> Option<&MultiProgress> {
        self.bars.as_ref()
    }

    /// One line, above the bars; among JSON a `message`. A stderr that is closed takes nothing.
    pub(crate) fn line(&self, line: impl Display) {
        let line = match self.format {
            LogFormat::Human => format!("{line}\n"),
            LogFormat::Json => format!("{}\n", serde_json::json!({ "message": line.to_string() })),
        };
        self.write(line.as_bytes());
    }

    fn write(&self, bytes: &[u8]) {
        let write = || io::stderr().lock().write_all(bytes);
        let _ = match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        };
    }
}

/// One event of the log, written whole.
pub(crate) struct Event<'a> {
    screen: &'a Screen,
    bytes: Vec<u8>,
}

impl Write for Event<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        self.screen.write(&self.bytes);
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Event<'a> {
        Event { screen: self, bytes: Vec::new() }
    }
}

/// Sends the log of this process to `screen`: from `info` on, or as `RUST_LOG` says.
pub(crate) fn start(screen: &Screen) {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let colours = screen.bars.is_some();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(screen.clone()).with_ansi(colours);
    // Nobody else sets one in this process.
    let _ = match screen.format {
        LogFormat::Human => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
}
