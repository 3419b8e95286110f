use std::io::{BufReader, Read, Write};

use super::*;

const ALL: [Compression; 5] = [Compression::Gzip, Compression::Zstd, Compression::Bz2, Compression::Lz4, Compression::Snappy];

fn text() -> Vec<u8> {
    (0..200_000).flat_map(|n: u64| format!("{n} {}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_003).into_bytes()).collect()
}

fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        Compression::Bz2 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Lz4 => {
            let small = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
            let mut out = lz4_flex::frame::FrameEncoder::with_frame_info(small, Vec::new());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Compression::Snappy => {
            let mut out = snap::write::FrameEncoder::new(Vec::new());
            out.write_all(bytes).unwrap();
            out.into_inner().unwrap()
        }
    }
}

fn unpack(compression: Compression, packed: &[u8]) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut reader = compression.reader(BufReader::new(io::Cursor::new(packed.to_vec()))).unwrap();
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (all, None),
            Ok(read) => all.extend_from_slice(&buffer[..read]),
            Err(error) => return (all, Some(error.kind())),
        }
    }
}

#[test]
fn what_was_packed_comes_back_and_is_recognised() {
    let text = text();
    for compression in ALL {
        let packed = pack(compression, &text);
        assert!(packed.len() < text.len(), "{compression:?}");
        assert_eq!(Compression::of_magic(&packed), compression);
        assert_eq!(unpack(compression, &packed), (text.clone(), None), "{compression:?}");
    }
    assert_eq!(Compression::of_magic(b"{\"a\":1}"), Compression::None);
}

#[test]
fn streams_after_one_another_are_one() {
    for compression in ALL {
        let packed = [pack(compression, b"one\n"), pack(compression, b"two\n")].concat();
        assert_eq!(unpack(compression, &packed), (b"one\ntwo\n".to_vec(), None), "{compression:?}");
    }
}

#[test]
fn a_stream_cut_in_half_gives_its_first_half_and_then_an_error() {
    let text = text();
    for compression in ALL {
        let packed = pack(compression, &text);
        let (got, error) = unpack(compression, &packed[..packed.len() / 2]);
        assert!(error.is_some(), "{compression:?}: no error");
        assert!(text.starts_with(&got), "{compression:?}");
        assert!(got.len() > text.len() / 10, "{compression:?}: only {} of {}", got.len(), text.len());
    }
}

#[test]
fn names_say_it_by_their_ends() {
    for (name, compression, stem) in [
        ("a/b.jsonl.gz", Compression::Gzip, "a/b.jsonl"),
        ("b.csv.ZST", Compression::Zstd, "b.csv"),
        ("b.bz2", Compression::Bz2, "b"),
        ("b.json.lz4", Compression::Lz4, "b.json"),
        ("b.json.sz", Compression::Snappy, "b.json"),
        ("b.json.snappy", Compression::Snappy, "b.json"),
        ("b.parquet", Compression::None, "b.parquet"),
        ("gz", Compression::None, "gz"),
    ] {
        assert_eq!(Compression::of_name(name), (compression, stem));
    }
}
