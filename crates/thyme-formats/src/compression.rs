//! Compressed streams, read in bounded memory.
use std::io::{self, BufRead, Read};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// `.gz`; several members after one another are one stream.
    #[serde(alias = "gz")]
    Gzip,
    /// `.zst`; several frames after one another are one stream.
    #[serde(alias = "zst")]
    Zstd,
    /// `.bz2`; several streams after one another are one.
    #[serde(alias = "bzip2")]
    Bz2,
    /// `.lz4`, the frame format.
    Lz4,
    /// `.sz`, `.snappy`: the framing format.
    Snappy,
}

/// Bytes that [`Compression::of_magic`] wants to see.
pub const MAGIC_BYTES: usize = 10;

const MAGIC: &[(&[u8], Compression)] = &[
    (&[0x1f, 0x8b], Compression::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
    (b"BZh", Compression::Bz2),
    (&[0x04, 0x22, 0x4d, 0x18], Compression::Lz4),
    (&[0xff, 0x06, 0x00, 0x00, b's', b'N', b'a', b'P', b'p', b'Y'], Compression::Snappy),
];

impl Compression {
    /// What the end of a file's name says, and the name without it.
    #[must_use]
    pub fn of_name(name: &str) -> (Self, &str) {
        let Some((stem, extension)) = name.rsplit_once('.') else { return (Self::None, name) };
        let found = match extension.to_ascii_lowercase().as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            "bz2" => Self::Bz2,
            "lz4" => Self::Lz4,
            "sz" | "snappy" => Self::Snappy,
            _ => return (Self::None, name),
        };
        (found, stem)
    }

    /// What the first bytes of a file say.
    #[must_use]
    pub fn of_magic(head: &[u8]) -> Self {
        MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map_or(Self::None, |(_, found)| *found)
    }

    /// `bytes`, decompressed as they are read. The window of a stream, at most some MiB, is all that is held.
    ///
    /// # Errors
    /// When the decoder can't be set up. The stream itself fails with `InvalidData`, `InvalidInput`, `UnexpectedEof` or
    /// `Other` where it is damaged, after all that could be read before.
    pub fn reader(self, bytes: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::None => Box::new(bytes),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(bytes)?),
            Self::Bz2 => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
            Self::Lz4 => Box::new(Lz4 { frames: Some(lz4_flex::frame::FrameDecoder::new(bytes)) }),
            Self::Snappy => Box::new(snap::read::FrameDecoder::new(bytes)),
        })
    }
}

/// Frames after one another. A frame cut off before its end mark must not look like the end.
struct Lz4<R: BufRead> {
    frames: Option<lz4_flex::frame::FrameDecoder<R>>,
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(frames) = &mut self.frames else { return Ok(0) };
            let read = frames.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            // The end of a frame, or of everything.
            let Some(mut rest) = self.frames.take().map(lz4_flex::frame::FrameDecoder::into_inner) else { return Ok(0) };
            if rest.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frames = Some(lz4_flex::frame::FrameDecoder::new(rest));
        }
    }
}

#[cfg(test)]
mod tests;
