//! Every type of the pipeline file to each format that keeps types, and back.
use std::io::Cursor;
use std::sync::Arc;

use thyme_core::arrow::array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use thyme_core::arrow::array::*;
use thyme_core::arrow::buffer::{IntervalMonthDayNano, NullBuffer, i256};
use thyme_core::arrow::datatypes::{DataType, Schema};
use thyme_core::{Batch, Dataset, Job, Position, Sink, field_type};
use thyme_file::{FileCompression, FileFormat, FileSink};
use thyme_formats::avro::file::AvroFileDecoder;
use thyme_formats::ipc::IpcDecoder;
use thyme_formats::parquet::ParquetDecoder;
use thyme_formats::scan::Unknown;

use crate::sink_support::*;

fn interval(months: i32, days: i32, nanoseconds: i64) -> IntervalMonthDayNano {
    IntervalMonthDayNano { months, days, nanoseconds }
}

/// Three rows of each type: a low value, a high one, NULL.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    macro_rules! ends {
        ($array:ident, $low:expr, $high:expr) => {
            Arc::new($array::from(vec![Some($low), Some($high), None])) as ArrayRef
        };
    }
    let intervals = || ends!(IntervalMonthDayNanoArray, interval(-14, 3, -5_000_000_001), interval(i32::MAX, i32::MIN, i64::MIN));
    let uuids =
        FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([1u8; 16]), Some([255; 16]), None].into_iter(), 16).unwrap();
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a"), None, Some("")]);
    list.append_value::<[Option<&str>; 0], _>([]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let date: ArrayRef = ends!(Date32Array, -719_162, 2_932_896);
    let DataType::Struct(fields) = field_type::parse("x", "struct<a:interval,b:date>").unwrap().data_type().clone() else {
        panic!()
    };
    let nested = StructArray::new(fields, vec![intervals(), date.clone()], Some(NullBuffer::from(vec![true, true, false])));
    vec![
        ("string", ends!(StringArray, "", "é\0\u{10FFFF}")),
        ("bytes", ends!(BinaryArray, b"" as &[u8], b"\xff\x00" as &[u8])),
        ("bool", ends!(BooleanArray, false, true)),
        ("int8", ends!(Int8Array, i8::MIN, i8::MAX)),
        ("int16", ends!(Int16Array, i16::MIN, i16::MAX)),
        ("int32", ends!(Int32Array, i32::MIN, i32::MAX)),
        ("int64", ends!(Int64Array, i64::MIN, i64::MAX)),
        ("uint8", ends!(UInt8Array, 0, u8::MAX)),
        ("uint16", ends!(UInt16Array, 0, u16::MAX)),
        ("uint32", ends!(UInt32Array, 0, u32::MAX)),
        ("uint64", ends!(UInt64Array, 0, u64::MAX)),
        ("float32", ends!(Float32Array, f32::NEG_INFINITY, f32::MIN_POSITIVE)),
        ("float64", ends!(Float64Array, f64::NEG_INFINITY, f64::MAX)),
        ("date", date),
        ("time", ends!(Time64MicrosecondArray, 0, 86_399_999_999)),
        ("timestamp", Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), Some(i64::MAX), None]).with_timezone("+00:00"))),
        ("timestamp_ns", Arc::new(TimestampNanosecondArray::from(vec![Some(i64::MIN), Some(1), None]).with_timezone("+00:00"))),
        ("timestamp_ntz", ends!(TimestampMicrosecondArray, i64::MIN, i64::MAX)),
        ("interval", intervals()),
        ("json", ends!(StringArray, "{}", "[1, 2]")),
        ("uuid", Arc::new(uuids)),
        (
            "decimal(38,10)",
            Arc::new(
                Decimal128Array::from(vec![Some(-1), Some(10_i128.pow(38) - 1), None]).with_precision_and_scale(38, 10).unwrap(),
            ),
        ),
        (
            "decimal(76,0)",
            Arc::new(
                Decimal256Array::from(vec![Some(i256::MINUS_ONE), Some(i256::from_i128(i128::MAX)), None])
                    .with_precision_and_scale(76, 0)
                    .unwrap(),
            ),
        ),
        ("list<string>", Arc::new(list.finish())),
        ("map<string,int64>", Arc::new(map.finish())),
        ("struct<a:interval,b:date>", Arc::new(nested)),
    ]
}

#[tokio::test]
async fn every_type_comes_back_as_it_was() {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (number, (name, array)) in columns().into_iter().enumerate() {
        let field = field_type::parse(&format!("c{number}"), name).unwrap();
        // The library's own field names of a map's entries differ; the values are what counts.
        let array = match field.data_type() {
            DataType::Map(entries, _) => {
                let map = array.as_any().downcast_ref::<MapArray>().unwrap();
                let DataType::Struct(pair) = entries.data_type() else { panic!() };
                let pairs = StructArray::new(pair.clone(), map.entries().columns().to_vec(), None);
                Arc::new(MapArray::new(Arc::clone(entries), map.offsets().clone(), pairs, map.nulls().cloned(), false))
                    as ArrayRef
            }
            _ => array,
        };
        assert_eq!(array.data_type(), field.data_type(), "{name}");
        fields.push(field);
        arrays.push(array);
    }
    let dataset = Arc::new(Dataset::new("types", Arc::new(Schema::new(fields))).unwrap());
    let rows = RecordBatch::try_new(Arc::clone(dataset.columns()), arrays).unwrap();
    for (format, compression) in [
        (FileFormat::Parquet, None),
        (FileFormat::Avro, None),
        (FileFormat::Arrow, None),
        (FileFormat::Arrow, Some(FileCompression::Lz4)),
        (FileFormat::Arrow, Some(FileCompression::Zstd)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sink =
            FileSink::builder().path(folder.path().to_str().unwrap()).format(format).maybe_compression(compression).build();
        let job = Job { dataset: Arc::clone(&dataset), ..job("p") };
        let mut writer = sink.open(&job).await.unwrap().writer;
        let staged = writer.stage(&Batch::insert(rows.clone(), Position::of(&1))).await.unwrap();
        assert!(staged.rejects.is_empty());
        writer.commit(&cursor(1, 3)).await.unwrap();
        let (bytes, _) = visible(folder.path()).into_values().next().unwrap();
        let read = decoded(format, bytes, &dataset);
        assert_eq!(read.num_rows(), 3);
        for (name, (read, wrote)) in columns().iter().map(|(name, _)| name).zip(read.columns().iter().zip(rows.columns())) {
            assert_eq!(read, wrote, "{name} {format:?}");
        }
    }
}

fn decoded(format: FileFormat, bytes: Vec<u8>, dataset: &Dataset) -> RecordBatch {
    let (columns, unknown) = (dataset.columns(), Unknown::Report);
    let read = match format {
        FileFormat::Avro => AvroFileDecoder::open(&bytes[..], columns, unknown, 0).unwrap().next_batch().unwrap(),
        FileFormat::Arrow => IpcDecoder::open(Cursor::new(bytes), columns, unknown, 0).unwrap().next_batch().unwrap(),
        _ => ParquetDecoder::open(thyme_core::bytes::Bytes::from(bytes), columns, unknown, 0).unwrap().next_batch().unwrap(),
    };
    read.unwrap()
}
