//! Any bytes as a file or a stream of Arrow: nothing panics beyond the decoder, no more rows come than the bytes can hold, and what
//! was read is written and read as the same rows.
#![no_main]
use std::io::Cursor;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::datatypes::{Field, Schema, SchemaRef};
use thyme_core::field_type;
use thyme_formats::ipc::{IpcCompression, IpcDecoder, IpcEncoder, schema};
use thyme_formats::scan::Unknown;

/// The decoder catches what breaks its library, which the fuzzer would take for a crash before that.
static LENIENT: Once = Once::new();

fuzz_target!(|data: &[u8]| {
    LENIENT.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            if panic.location().is_none_or(|place| !place.file().contains("arrow-")) {
                eprintln!("{panic}");
            }
        }));
    });
    let found = schema(Cursor::new(data)).ok();
    for columns in [Some(declared()), found.map(Into::into)].into_iter().flatten() {
        let Some(batches) = read(data, &columns, 0) else { continue };
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if let Some(rest) = read(data, &columns, 1) {
            assert!(rest.iter().map(RecordBatch::num_rows).sum::<usize>() <= rows.max(1));
        }
        again(&batches);
    }
});

/// What comes before a damage counts.
fn read(data: &[u8], columns: &Schema, first: u64) -> Option<Vec<RecordBatch>> {
    let mut decoder = IpcDecoder::open(Cursor::new(data), columns, Unknown::Ignore, first).ok()?;
    let mut batches = Vec::new();
    while let Ok(Some(batch)) = decoder.next_batch() {
        batches.push(batch);
        if batches.len() > 64 {
            break;
        }
    }
    Some(batches)
}

fn again(batches: &[RecordBatch]) {
    let Some(first) = batches.first() else { return };
    for compression in [IpcCompression::None, IpcCompression::Lz4, IpcCompression::Zstd] {
        let mut encoder = IpcEncoder::new(first.schema_ref(), compression).expect("columns that were read");
        encoder.write(batches).expect("its own columns");
        let file = encoder.finish().expect("a footer");
        let read = read(&file, first.schema_ref(), 0).expect("our own file");
        // NaN is not itself.
        let shown = |batches: &[RecordBatch]| {
            batches
                .iter()
                .flat_map(|batch| (0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1).columns())))
                .collect()
        };
        let (read, wrote): (Vec<String>, Vec<String>) = (shown(&read), shown(batches));
        assert_eq!(read, wrote);
    }
}

fn declared() -> SchemaRef {
    let columns = [("n", "int64"), ("cat", "string"), ("s", "string"), ("l", "list<int32>"), ("st", "struct<a:int16,z:string>")];
    let fields: Vec<Field> = columns.iter().map(|(name, word)| field_type::parse(name, word).expect("a type")).collect();
    Schema::new(fields).into()
}
