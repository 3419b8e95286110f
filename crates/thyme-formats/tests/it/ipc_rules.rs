//! Files of Arrow that are none, that are cut off, and whose lengths lie; what is read of a file, and what is not.
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thyme_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use thyme_formats::fault::Fault;
use thyme_formats::ipc::{IpcCompression, IpcDecoder};
use thyme_formats::scan::Unknown;

use super::avro_rules::schema;
use super::ipc_oracle::{COLUMNS, FILES, read, write};
use super::rng::Rng;

fn reason(file: &[u8]) -> String {
    match read(file, &schema(&COLUMNS), 0) {
        Err(Fault::Damaged(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_that_are_none() {
    for (bytes, what) in [
        (&b""[..], "without a schema"),
        (b"ARROW1", "may be cut off"),
        (b"ARROW1\0\0ARROW1\0\0ARROW1", "longer than the file"),
        (b"ARROW1\0\0\xff\xff\xff\x7fARROW1", "longer than the file"),
        (b"ARROW1\0\0\xff\xff\xff\xffARROW1", "longer than the file"),
        (b"FEA1xxxxxxxxFEA1", "feather file of version 1"),
        (b"PAR1", "begins neither as"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f", "a header of 2147483647 bytes where 0 are left"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", "negative length"),
        (b"n,s\n1,2\n", "begins neither as"),
    ] {
        let said = reason(bytes);
        assert!(said.contains(what), "{}: {said}", bytes.escape_ascii());
    }
}

#[test]
fn a_file_that_is_cut_off_is_damaged_and_a_stream_has_what_came_before() {
    for file in &FILES[..3] {
        for end in (0..file.len()).step_by(41).chain([file.len() - 1]) {
            reason(&file[..end]);
        }
    }
    let stream = FILES[3];
    let mut most = 0;
    for end in (0..stream.len() - 8).step_by(57) {
        let Ok(mut decoder) = IpcDecoder::open(Cursor::new(&stream[..end]), &schema(&COLUMNS), Unknown::Ignore, 0) else {
            continue;
        };
        let mut rows = 0;
        while let Ok(Some(batch)) = decoder.next_batch() {
            rows += batch.num_rows();
        }
        assert!(rows >= most && rows % 16 == 0, "{end}: {rows}");
        most = rows;
    }
    assert_eq!(most, 32);
}

/// Any bit may be wrong. What is not seen to be is a value of the column's type.
#[test]
fn damaged_files_never_break_the_reader() {
    let mut rng = Rng(11);
    let mut seen = 0;
    for file in FILES {
        for _ in 0..400 {
            let mut damaged = file.to_vec();
            for _ in 0..=rng.below(2) {
                damaged[rng.below(file.len())] ^= 1 << rng.below(8);
            }
            match read(&damaged, &schema(&COLUMNS), rng.below(40) as u64) {
                Err(Fault::Io(error)) => panic!("{error}"),
                Err(_) => seen += 1,
                Ok(batches) => assert!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() <= 4 << 20),
            }
        }
    }
    assert!(seen > 200, "{seen} of 2000");
}

/// A compressed buffer that says it is a gigabyte, and one that becomes more than it says.
#[test]
fn what_a_compressed_buffer_says_is_not_believed() {
    for compression in [IpcCompression::Lz4, IpcCompression::Zstd] {
        let rows = text(5000);
        let file = write(std::slice::from_ref(&rows), compression);
        // The values: their length once decompressed stands before them.
        let length = rows.column(1).to_data().buffers()[1].len() as u64;
        let places: Vec<_> = (0..file.len() - 8).filter(|at| file[*at..*at + 8] == length.to_le_bytes()).collect();
        assert!(!places.is_empty());
        for says in [u64::MAX / 2, 1 << 40, (1 << 30) - 1_000_000, length + 1, length - 1, 1, u64::MAX - 1] {
            let mut lies = file.clone();
            places.iter().for_each(|at| lies[*at..*at + 8].copy_from_slice(&says.to_le_bytes()));
            let read = read(&lies, &schema(&[("n", "int64"), ("s", "string")]), 0);
            assert!(matches!(read, Err(Fault::Damaged(_))), "{says}");
        }
    }
}

fn text(rows: i64) -> RecordBatch {
    let columns: [(&str, ArrayRef); 2] = [
        ("n", Arc::new(Int64Array::from_iter_values(0..rows))),
        ("s", Arc::new((0..rows).map(|n| Some(format!("{n:>200}"))).collect::<StringArray>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

struct Counting<'a>(Cursor<&'a [u8]>, &'a AtomicU64);

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Counting<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

/// Of ten record batches with a narrow and a wide column: the narrow one alone, and the end alone.
#[test]
fn columns_and_record_batches_that_are_not_wanted_are_not_read() {
    let batches: Vec<_> = (0..10).map(|_| text(10_000)).collect();
    for compression in [IpcCompression::None, IpcCompression::Lz4, IpcCompression::Zstd] {
        let file = write(&batches, compression);
        let count = |columns: &[(&str, &str)], first| {
            let bytes = AtomicU64::new(0);
            let input = Counting(Cursor::new(&file), &bytes);
            let mut decoder = IpcDecoder::open(input, &schema(columns), Unknown::Ignore, first).unwrap();
            let mut rows = 0;
            while let Some(batch) = decoder.next_batch().unwrap() {
                assert_eq!(batch.num_columns(), columns.len());
                rows += batch.num_rows() as u64;
            }
            assert_eq!(rows, 100_000 - first);
            bytes.into_inner()
        };
        let all = count(&[("n", "int64"), ("s", "string")], 0);
        assert!(all > 2 * file.len() as u64 / 3 && all <= file.len() as u64 + 20_000);
        let narrow = count(&[("n", "int64")], 0);
        let (narrow_at_most, end_at_most) = if compression == IpcCompression::None { (900_000, 10) } else { (all * 3 / 4, 5) };
        assert!(narrow < narrow_at_most, "{compression:?}: {narrow} of {all}");
        let end = count(&[("n", "int64"), ("s", "string")], 95_000);
        assert!(end < all / end_at_most * 11 / 10 + 20_000, "{compression:?}: {end} of {all}");
        assert!(count(&[("gone", "date")], 0) < 20_000);
    }
}

/// Large record batches come in pieces, and a piece may begin anywhere.
#[test]
fn a_large_record_batch_in_pieces() {
    let file = write(&[text(200_000)], IpcCompression::None);
    let columns = schema(&[("n", "int64"), ("s", "string")]);
    for first in [0, 1, 65_536, 199_999] {
        let batches = read(&file, &columns, first).unwrap();
        assert!(batches.iter().all(|batch| batch.num_rows() <= 65_536));
        assert!(batches.len() > 3 || first == 199_999);
        let numbers =
            batches.iter().flat_map(|batch| batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec());
        assert!(numbers.eq(first as i64..200_000));
    }
}

#[test]
fn columns_that_do_not_fit_are_drift() {
    let file = FILES[0];
    for (columns, what) in [
        ([("n", "int8")], "`n` was int8 and is int64"),
        ([("ts", "timestamp_ntz")], "`ts` was timestamp_ntz and is timestamp"),
        ([("need", "int64!")], "`need` is gone"),
    ] {
        match read(file, &schema(&columns), 0) {
            Err(Fault::Drift(drift)) => {
                let said = thyme_core::Error::drift(drift).to_string();
                assert!(said.contains(what), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }
    let error = IpcDecoder::open(Cursor::new(file), &schema(&COLUMNS), Unknown::Report, 0).err();
    let Some(Fault::Drift(drift)) = error else { panic!() };
    assert_eq!(drift.added.iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["nothing"]);
}
