//! How blocks are compressed.
use std::io::{Read, Write};

use flate2::Crc;

/// How the blocks of a file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AvroCodec {
    /// Not at all.
    Null,
    /// DEFLATE without a frame.
    Deflate,
    /// Snappy, and a checksum.
    #[default]
    Snappy,
    /// Zstandard.
    Zstandard,
    /// bzip2.
    Bzip2,
}

/// A block is never larger than this, compressed or not.
pub(super) const BLOCK_AT_MOST: usize = 1 << 30;

impl AvroCodec {
    /// The word in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstandard",
            Self::Bzip2 => "bzip2",
        }
    }

    pub(super) fn of_name(name: &[u8]) -> Result<Self, String> {
        let all = [Self::Null, Self::Deflate, Self::Snappy, Self::Zstandard, Self::Bzip2];
        let found = all.into_iter().find(|codec| codec.name().as_bytes() == name);
        found.ok_or_else(|| format!("blocks are compressed by `{}`, which is not known here", String::from_utf8_lossy(name)))
    }

    /// The bytes of a block as they were before.
    pub(super) fn unpack(self, block: Vec<u8>) -> Result<Vec<u8>, String> {
        match self {
            Self::Null => Ok(block),
            Self::Deflate => all(flate2::read::DeflateDecoder::new(&block[..])),
            Self::Zstandard => all(zstd::stream::read::Decoder::new(&block[..]).map_err(|e| e.to_string())?),
            Self::Bzip2 => all(bzip2::read::BzDecoder::new(&block[..])),
            Self::Snappy => {
                let (packed, sum) = block.split_last_chunk::<4>().ok_or("a block of snappy without its checksum")?;
                let length = snap::raw::decompress_len(packed).map_err(|e| e.to_string())?;
                if length > BLOCK_AT_MOST {
                    return Err("a block of more than 1 GiB".into());
                }
                let plain = snap::raw::Decoder::new().decompress_vec(packed).map_err(|e| e.to_string())?;
                if crc(&plain) == u32::from_be_bytes(*sum) { Ok(plain) } else { Err("a block whose checksum is wrong".into()) }
            }
        }
    }

    pub(super) fn pack(self, block: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Null => Ok(block.to_vec()),
            Self::Deflate => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(block)?;
                encoder.finish()
            }
            Self::Zstandard => zstd::stream::encode_all(block, 0),
            Self::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                encoder.write_all(block)?;
                encoder.finish()
            }
            Self::Snappy => {
                let mut packed = snap::raw::Encoder::new().compress_vec(block).map_err(std::io::Error::other)?;
                packed.extend_from_slice(&crc(block).to_be_bytes());
                Ok(packed)
            }
        }
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn all(from: impl Read) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    from.take(BLOCK_AT_MOST as u64 + 1).read_to_end(&mut plain).map_err(|e| e.to_string())?;
    if plain.len() > BLOCK_AT_MOST { Err("a block of more than 1 GiB".into()) } else { Ok(plain) }
}
