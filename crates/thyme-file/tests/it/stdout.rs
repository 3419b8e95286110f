//! Standard output, seen through another stream.
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use thyme_core::{Kind, Retry, Sink};
use thyme_file::{StdoutFormat, StdoutSink, StdoutSinkConfig};

use crate::sink_support::*;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config(format: StdoutFormat) -> StdoutSinkConfig {
    StdoutSinkConfig::builder().format(format).config()
}

#[tokio::test]
async fn rows_show_when_they_are_committed() {
    for (format, expected) in [
        (StdoutFormat::Jsonl, "{\"id\":0,\"name\":null}\n{\"id\":1,\"name\":\"name 1\"}\n"),
        (StdoutFormat::Csv, "id,name\n0,\n1,name 1\n"),
    ] {
        let seen = Seen::default();
        let sink = StdoutSink::to(config(format), seen.clone());
        assert!(!sink.info().holds_cursor);
        let mut writer = sink.open(&job("p")).await.unwrap().writer;
        writer.stage(&batch(0..1)).await.unwrap();
        writer.stage(&batch(1..2)).await.unwrap();
        assert!(seen.0.lock().unwrap().is_empty());
        writer.commit(&cursor(1, 2)).await.unwrap();
        assert_eq!(String::from_utf8(seen.0.lock().unwrap().clone()).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_reader_that_went_away_is_no_reason_to_try_again() {
    let sink = StdoutSink::to(config(StdoutFormat::Jsonl), Gone);
    let mut writer = sink.open(&job("p")).await.unwrap().writer;
    writer.stage(&batch(0..1)).await.unwrap();
    let error = writer.commit(&cursor(1, 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (Kind::Unavailable, Retry::No), "{error}");
}
