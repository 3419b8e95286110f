//! Arrow's own format as others write and read it: files and streams of pyarrow 26 with what Python says is in them, and
//! arrow-ipc both ways.
use std::io::Cursor;
use std::sync::Arc;

use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::StreamWriter;
use serde_json::Value;
use thyme_core::arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use thyme_core::arrow::datatypes::Schema;
use thyme_core::field_type;
use thyme_formats::fault::Fault;
use thyme_formats::ipc::{IpcCompression, IpcDecoder, IpcEncoder};
use thyme_formats::scan::Unknown;

use super::avro_rules::schema;
use super::debezium_samples::shown;

/// One table: files in record batches of 16 rows, of 40, compressed; a stream; a stream of version 4 of the format.
pub(crate) const FILES: [&[u8]; 5] = [
    include_bytes!("../data/pyarrow/file.arrow"),
    include_bytes!("../data/pyarrow/lz4.arrow"),
    include_bytes!("../data/pyarrow/zstd.arrow"),
    include_bytes!("../data/pyarrow/stream.arrows"),
    include_bytes!("../data/pyarrow/v4.arrows"),
];
/// Dictionaries: one that grows, then is replaced, in a stream; one that grows in a file.
const DICTIONARIES: [&[u8]; 2] =
    [include_bytes!("../data/pyarrow/dictionaries.arrows"), include_bytes!("../data/pyarrow/deltas.arrow")];
const ROWS: &str = include_str!("../data/pyarrow/rows.jsonl");

pub(crate) const COLUMNS: [(&str, &str); 29] = [
    ("n", "int64"),
    ("b", "bool"),
    ("i8", "int8"),
    ("u64", "uint64"),
    ("f16", "float32"),
    ("f32", "float32"),
    ("f64", "float64"),
    ("s", "string"),
    ("ls", "string"),
    ("vs", "string"),
    ("bin", "bytes"),
    ("fx", "bytes"),
    ("vb", "bytes"),
    ("cat", "string"),
    ("cat2", "string"),
    ("day", "date"),
    ("day64", "date"),
    ("t32", "time"),
    ("tms", "time"),
    ("tns", "time"),
    ("ts", "timestamp"),
    ("tss", "timestamp_ntz"),
    ("dec", "decimal(10,2)"),
    ("dec32", "decimal(7,1)"),
    ("l", "list<int32>"),
    ("ll", "list<string>"),
    ("fl", "list<float32>"),
    ("st", "struct<a:int16,z:string>"),
    ("m", "map<string,int64>"),
];

pub(crate) fn read(file: &[u8], columns: &Schema, first: u64) -> Result<Vec<RecordBatch>, Fault> {
    let mut decoder = IpcDecoder::open(Cursor::new(file), columns, Unknown::Ignore, first)?;
    let mut batches = Vec::new();
    while let Some(batch) = decoder.next_batch()? {
        batches.push(batch);
    }
    Ok(batches)
}

pub(crate) fn write(batches: &[RecordBatch], compression: IpcCompression) -> Vec<u8> {
    let mut encoder = IpcEncoder::new(batches[0].schema_ref(), compression).unwrap();
    let mut bytes = Vec::new();
    for batch in batches {
        encoder.write(std::slice::from_ref(batch)).unwrap();
        bytes.extend(encoder.take());
    }
    bytes.extend(encoder.finish().unwrap());
    bytes
}

fn expected() -> Vec<Value> {
    ROWS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn files_and_streams_of_pyarrow() {
    let expected = expected();
    let wider: Vec<_> = COLUMNS.into_iter().chain([("nothing", "string")]).collect();
    for file in FILES {
        let found = thyme_formats::ipc::schema(Cursor::new(file)).unwrap();
        let words: Vec<_> = found.fields().iter().map(|field| (field.name().as_str(), field_type::name(field))).collect();
        let wanted: Vec<_> = COLUMNS.iter().map(|(name, word)| (*name, (*word).to_owned())).collect();
        assert_eq!(words[..COLUMNS.len()], wanted);
        for first in [0, 1, 15, 16, 17, 39, 40, 41] {
            let got: Vec<Value> = read(file, &schema(&wider), first).unwrap().iter().flat_map(shown).collect();
            let rest = expected.get(usize::try_from(first).unwrap()..).unwrap_or_default();
            assert_eq!(got.len(), rest.len());
            for (row, (got, expected)) in got.iter().zip(rest).enumerate() {
                assert_eq!(got, expected, "row {row} from {first} on");
            }
        }
    }
}

#[test]
fn each_column_alone_and_the_order_of_the_dataset() {
    let expected = expected();
    let columns = COLUMNS.iter().rev().map(|column| vec![*column]).chain([vec![COLUMNS[20], COLUMNS[9], COLUMNS[0]]]);
    for columns in columns {
        for file in FILES {
            let got: Vec<Value> = read(file, &schema(&columns), 0).unwrap().iter().flat_map(shown).collect();
            let part =
                |row: &Value| -> Value { columns.iter().map(|(name, _)| ((*name).to_owned(), row[name].clone())).collect() };
            assert_eq!(got, expected.iter().map(part).collect::<Vec<_>>(), "{columns:?}");
        }
    }
}

#[test]
fn dictionaries_that_grow_and_are_replaced() {
    let columns = schema(&[("cat", "string"), ("n", "int64")]);
    let words = [Some("a"), Some("b"), None, Some("c"), Some("a"), Some("y"), Some("x"), Some("y")];
    for (file, count) in DICTIONARIES.into_iter().zip([8, 5]) {
        for first in 0..count {
            let batches = read(file, &columns, first as u64).unwrap();
            let got: Vec<Value> = batches.iter().flat_map(shown).collect();
            let wanted = words.iter().enumerate().take(count).skip(first);
            assert_eq!(got, wanted.map(|(n, word)| serde_json::json!({ "cat": word, "n": n })).collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_is_written_is_read_by_others_and_by_us() {
    let rows = read(FILES[0], &schema(&COLUMNS), 0).unwrap();
    for compression in [IpcCompression::None, IpcCompression::Lz4, IpcCompression::Zstd] {
        let file = write(&rows, compression);
        let theirs: Vec<_> = FileReader::try_new(Cursor::new(&file), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(theirs, rows);
        assert_eq!(read(&file, &schema(&COLUMNS), 0).unwrap(), rows);
        // A file without rows is one all the same.
        let empty = IpcEncoder::new(rows[0].schema_ref(), compression).unwrap().finish().unwrap();
        assert_eq!(FileReader::try_new(Cursor::new(&empty), None).unwrap().count(), 0);
        assert_eq!(read(&empty, &schema(&COLUMNS), 0).unwrap(), []);
    }
    let other = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    let error = IpcEncoder::new(rows[0].schema_ref(), IpcCompression::None).unwrap().write(&[other]).unwrap_err();
    assert_eq!(error.kind(), thyme_core::Kind::Schema);
}

#[test]
fn a_stream_of_arrow_rs() {
    let words: DictionaryArray<thyme_core::arrow::array::types::Int32Type> = ["x", "y", "x"].into_iter().collect();
    let columns: [(&str, ArrayRef); 2] =
        [("w", Arc::new(words)), ("t", Arc::new(StringArray::from(vec![Some("a"), None, Some("")])))];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), rows.schema_ref()).unwrap();
    writer.write(&rows).unwrap();
    writer.write(&rows.slice(1, 2)).unwrap();
    let stream = writer.into_inner().unwrap();
    let columns = schema(&[("t", "string"), ("w", "string")]);
    let got: Vec<Value> = read(&stream, &columns, 1).unwrap().iter().flat_map(shown).collect();
    let wanted = [(None, "y"), (Some(""), "x"), (None, "y"), (Some(""), "x")];
    assert_eq!(got, wanted.map(|(t, w)| serde_json::json!({ "t": t, "w": w })));
    // A stream may end without its mark, where a message does.
    let end = stream.len() - 8;
    assert_eq!(read(&stream[..end], &columns, 1).unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
}
