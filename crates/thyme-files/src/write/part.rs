//! One file in the making.
use std::collections::VecDeque;

use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::SchemaRef;
use thyme_core::{Error, Kind, Result};
use thyme_formats::avro::file::AvroFileEncoder;
use thyme_formats::encode::BadRow;
use thyme_formats::ipc::IpcEncoder;
use thyme_formats::parquet::{EncodedGroup, ParquetEncoder};

use super::crew::{Crew, Running, end};
use super::options::{Compression, Format, RECORD};
use super::target::Upload;
use super::text::{Text, compress};

/// Bytes of text that are written, or compressed, as one.
const TEXT_BLOCK: usize = 1 << 20;
/// Bytes of memory that become one record batch of Arrow: it is read as a whole.
const RECORD_BATCH: usize = 8 << 20;

/// One file in the making: rows wait here until they are a block, blocks are encoded in parallel and written in order.
pub(super) struct Part {
    upload: Box<dyn Upload>,
    body: Body,
    running: VecDeque<(Running<Block>, usize)>,
    rows: u64,
    written: u64,
    /// Of the blocks that were written: bytes of memory they took before they were encoded.
    took: u64,
    /// Bytes of memory that wait or are being encoded.
    held: usize,
    /// When it was last written to, in batches.
    pub(super) used: u64,
}

enum Body {
    Parquet {
        encoder: Box<ParquetEncoder>,
        waiting: Vec<RecordBatch>,
        bytes: usize,
    },
    /// `each`: bytes that a row came to.
    Text {
        text: Text,
        compression: Compression,
        waiting: Vec<u8>,
        each: usize,
    },
    /// Blocks follow one another as they fill. `None` while they are being encoded.
    Avro(Option<Box<AvroFileEncoder<Vec<u8>>>>),
    /// `encoder`: `None` while it is at work.
    Arrow {
        encoder: Option<Box<IpcEncoder>>,
        waiting: Vec<RecordBatch>,
        bytes: usize,
    },
}

enum Block {
    Group(EncodedGroup),
    Bytes(Vec<u8>),
}

/// A file that has all its bytes and is not seen yet.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) from: String,
    pub(super) folder: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Part {
    pub(super) fn new(upload: Box<dyn Upload>, format: &Format, schema: &SchemaRef) -> Result<Self> {
        let body = match format {
            Format::Parquet(options) => {
                let encoder = Box::new(ParquetEncoder::new(schema, options)?);
                Body::Parquet { encoder, waiting: Vec::new(), bytes: 0 }
            }
            Format::Jsonl(options, compression) => Body::text(Text::Jsonl(options.clone()), *compression, schema)?,
            Format::Csv(options, compression) => Body::text(Text::Csv(options.clone()), *compression, schema)?,
            Format::Arrow(compression) => {
                let encoder = Some(Box::new(IpcEncoder::new(schema, *compression)?));
                Body::Arrow { encoder, waiting: Vec::new(), bytes: 0 }
            }
            Format::Avro(codec) => Body::Avro(Some(Box::new(AvroFileEncoder::new(Vec::new(), RECORD, schema, *codec)?))),
        };
        let held = if let Body::Text { waiting, .. } = &body { waiting.len() } else { 0 };
        Ok(Self { upload, body, running: VecDeque::new(), rows: 0, written: 0, took: 0, held, used: 0 })
    }

    /// Rows in it, waiting ones included.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of memory it holds.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Bytes the file has so far; rows that are not yet encoded count as much as those before them came to.
    pub(super) fn bytes(&self) -> u64 {
        let (written, took) = match self.body {
            Body::Text { compression: Compression::None, .. } | Body::Avro(_) => (1, 1),
            _ => (self.written, self.took.max(1)),
        };
        let ahead = self.held as u128 * u128::from(written) / u128::from(took);
        self.written + u64::try_from(ahead).unwrap_or(u64::MAX)
    }

    /// Adds rows that take `bytes` of memory, but for those that are returned. `block` bytes or more are encoded together.
    pub(super) async fn push(&mut self, rows: RecordBatch, bytes: usize, block: usize, crew: &Crew) -> Result<Vec<BadRow>> {
        let (count, arrow) = (rows.num_rows(), matches!(self.body, Body::Arrow { .. }));
        let bad = match &mut self.body {
            Body::Parquet { waiting, bytes: waits, .. } | Body::Arrow { waiting, bytes: waits, .. } => {
                waiting.push(rows);
                *waits += bytes;
                self.held += bytes;
                let block = if arrow { block.min(RECORD_BATCH) } else { block };
                if *waits >= block {
                    self.flush(crew).await?;
                }
                Vec::new()
            }
            Body::Text { text, each, .. } => {
                let (texts, bad) = text.encode(&rows, *each, crew).await?;
                let length: usize = texts.iter().map(Vec::len).sum();
                *each = length / count.max(1) + length / count.max(1) / 16;
                for text in texts {
                    self.add(text, block.min(TEXT_BLOCK), crew).await?;
                }
                bad
            }
            Body::Avro(encoder) => {
                let mut taken = encoder.take().ok_or_else(cut_off)?;
                let encode = move || taken.write(&rows).map(|bad| (taken, bad));
                let (mut taken, bad) = end(crew.begin(encode).await?).await?;
                let full = std::mem::take(taken.out());
                self.held = taken.buffered();
                *encoder = Some(taken);
                self.put(full).await?;
                bad
            }
        };
        self.rows += (count - bad.len().min(count)) as u64;
        Ok(bad)
    }

    /// Adds text behind what waits. From `block` bytes on it is written, and never copied.
    async fn add(&mut self, text: Vec<u8>, block: usize, crew: &Crew) -> Result<()> {
        self.held += text.len();
        let large = text.len() >= block;
        if large {
            self.flush(crew).await?;
        }
        let Body::Text { waiting, .. } = &mut self.body else { return Ok(()) };
        if large {
            *waiting = text
        } else {
            waiting.extend_from_slice(&text)
        }
        if waiting.len() >= block { self.flush(crew).await } else { Ok(()) }
    }

    /// Begins to encode what waits as one block, and writes blocks that are ready.
    async fn flush(&mut self, crew: &Crew) -> Result<()> {
        match &mut self.body {
            Body::Parquet { encoder, waiting, bytes } => {
                let (batches, bytes) = (std::mem::take(waiting), std::mem::take(bytes));
                if !batches.is_empty() {
                    let groups = encoder.groups();
                    let running = crew.begin(move || groups.encode(&batches).map(Block::Group)).await?;
                    self.running.push_back((running, bytes));
                }
            }
            Body::Text { compression: Compression::None, waiting, .. } => {
                let block = std::mem::take(waiting);
                self.wrote(block.len());
                self.put(block).await?;
            }
            Body::Text { compression, waiting, .. } => {
                let (block, compression) = (std::mem::take(waiting), *compression);
                if !block.is_empty() {
                    let took = block.len();
                    let running = crew.begin(move || compress(&block, compression).map(Block::Bytes)).await?;
                    self.running.push_back((running, took));
                }
            }
            Body::Arrow { encoder, waiting, bytes } => {
                let (batches, bytes) = (std::mem::take(waiting), std::mem::take(bytes));
                if !batches.is_empty() {
                    let mut taken = encoder.take().ok_or_else(cut_off)?;
                    let encode = move || taken.write(&batches).map(|()| (taken.take(), taken));
                    let (block, taken) = end(crew.begin(encode).await?).await?;
                    *encoder = Some(taken);
                    self.wrote(bytes);
                    self.put(block).await?;
                }
            }
            Body::Avro(encoder) => {
                let mut taken = encoder.take().ok_or_else(cut_off)?;
                let flush = move || taken.flush().map(|()| taken);
                let mut taken = end(crew.begin(flush).await?).await?;
                let block = std::mem::take(taken.out());
                self.held = taken.buffered();
                *encoder = Some(taken);
                self.put(block).await?;
            }
        }
        while self.running.front().is_some_and(|(front, _)| front.is_finished()) || self.running.len() > crew.threads() {
            self.write_next().await?;
        }
        Ok(())
    }

    /// Lets go of memory: writes the block that was begun first, and where none was, begins one of what waits. `false`: it can't.
    pub(super) async fn relieve(&mut self, crew: &Crew) -> Result<bool> {
        if !self.running.is_empty() {
            return self.write_next().await.map(|()| true);
        }
        let before = self.held;
        self.flush(crew).await?;
        Ok(self.held < before || !self.running.is_empty())
    }

    /// Encodes and writes all it holds.
    async fn drain(&mut self, crew: &Crew) -> Result<()> {
        self.flush(crew).await?;
        while !self.running.is_empty() {
            self.write_next().await?;
        }
        Ok(())
    }

    /// Encodes and writes the rest and closes the file, durable and unseen. A file without rows is given up.
    pub(super) async fn finish(mut self, folder: String, crew: &Crew) -> Result<Option<Finished>> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.drain(crew).await?;
        let last = match self.body {
            Body::Parquet { encoder, .. } => encoder.finish()?,
            Body::Avro(encoder) => end(crew.begin(move || encoder.ok_or_else(cut_off)?.finish()).await?).await?,
            Body::Arrow { encoder, .. } => encoder.ok_or_else(cut_off)?.finish()?,
            Body::Text { .. } => Vec::new(),
        };
        if !last.is_empty() {
            self.written += last.len() as u64;
            self.upload.write(last).await?;
        }
        Ok(Some(Finished { from: self.upload.finish().await?, folder, rows: self.rows, bytes: self.written }))
    }

    async fn write_next(&mut self) -> Result<()> {
        let Some((running, took)) = self.running.pop_front() else { return Ok(()) };
        let block = end(running).await?;
        let bytes = match (&mut self.body, block) {
            (Body::Parquet { encoder, .. }, Block::Group(group)) => {
                encoder.append(group)?;
                encoder.take()
            }
            (_, Block::Bytes(bytes)) => bytes,
            (Body::Text { .. } | Body::Avro(_) | Body::Arrow { .. }, Block::Group(_)) => Vec::new(),
        };
        self.wrote(took);
        self.put(bytes).await
    }

    /// A block that took `bytes` of memory is on its way to the file.
    fn wrote(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
        self.took += bytes as u64;
    }

    async fn put(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.written += bytes.len() as u64;
        if bytes.is_empty() { Ok(()) } else { self.upload.write(bytes).await }
    }
}

fn cut_off() -> Error {
    Error::new(Kind::Unexpected, "the encoding of a file was cut off")
}

impl Body {
    fn text(text: Text, compression: Compression, schema: &SchemaRef) -> Result<Self> {
        let waiting = text.header(schema)?;
        Ok(Self::Text { text, compression, waiting, each: 0 })
    }
}
