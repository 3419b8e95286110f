//! The rules of writing JSON, one by one.
use std::sync::Arc;

use thyme_core::Kind;
use thyme_core::arrow::array::builder::{Int32Builder, MapBuilder, StringBuilder};
use thyme_core::arrow::array::types::Int32Type;
use thyme_core::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float32Array,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, LargeStringArray, ListArray, NullArray, RecordBatch,
    StringArray, StringViewArray, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    UInt64Array,
};
use thyme_core::arrow::buffer::{IntervalMonthDayNano, i256};
use thyme_core::arrow::datatypes::{DataType, Field, Schema};
use thyme_formats::json_out::{JsonEncoder, JsonWriteOptions, NonFinite, Nulls, Numbers};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn lines_with(batch: &RecordBatch, options: JsonWriteOptions) -> (String, Vec<(usize, String)>) {
    let mut encoder = JsonEncoder::new(&batch.schema(), options).unwrap();
    let (mut out, mut messages, mut ends) = (Vec::new(), b"before".to_vec(), Vec::new());
    let bad = encoder.encode(batch, &mut out, None).unwrap();
    assert_eq!(encoder.encode(batch, &mut messages, Some(&mut ends)).unwrap(), bad);
    // Messages are the lines without their ends, and nothing at all for a bad row.
    let (mut from, mut joined) = (6, Vec::new());
    for (row, end) in ends.iter().enumerate() {
        let message = &messages[from..*end];
        assert_eq!(message.is_empty(), bad.iter().any(|b| b.row == row));
        if !message.is_empty() {
            joined.extend_from_slice(message);
            joined.push(b'\n');
        }
        from = *end;
    }
    assert_eq!((ends.len(), from), (batch.num_rows(), messages.len()));
    assert_eq!(joined, out);
    (String::from_utf8(out).unwrap(), bad.into_iter().map(|b| (b.row, b.reason)).collect())
}

fn lines(batch: &RecordBatch) -> String {
    let (text, bad) = lines_with(batch, JsonWriteOptions::default());
    assert_eq!(bad, []);
    text
}

fn one(array: impl Into<ArrayRef>) -> String {
    lines(&batch(vec![("x", array.into())]))
}

fn arc(array: impl thyme_core::arrow::array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

#[test]
fn every_type() {
    assert_eq!(one(arc(BooleanArray::from(vec![Some(true), Some(false), None]))), "{\"x\":true}\n{\"x\":false}\n{\"x\":null}\n");
    assert_eq!(one(arc(Int64Array::from(vec![i64::MIN, 0]))), "{\"x\":-9223372036854775808}\n{\"x\":0}\n");
    assert_eq!(one(arc(UInt64Array::from(vec![u64::MAX]))), "{\"x\":18446744073709551615}\n");
    assert_eq!(one(arc(Float64Array::from(vec![0.1, -0.0, 1e300]))), "{\"x\":0.1}\n{\"x\":-0.0}\n{\"x\":1e+300}\n");
    assert_eq!(one(arc(Float32Array::from(vec![0.1]))), "{\"x\":0.1}\n");
    let decimal = |scale, values: Vec<i128>| one(arc(Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap()));
    assert_eq!(decimal(2, vec![12_345, -5, 0]), "{\"x\":\"123.45\"}\n{\"x\":\"-0.05\"}\n{\"x\":\"0.00\"}\n");
    assert_eq!(decimal(0, vec![-7]), "{\"x\":\"-7\"}\n");
    assert_eq!(decimal(-2, vec![7, 0]), "{\"x\":\"700\"}\n{\"x\":\"0\"}\n");
    assert_eq!(
        decimal(30, vec![10i128.pow(37), 1]),
        "{\"x\":\"10000000.000000000000000000000000000000\"}\n{\"x\":\"0.000000000000000000000000000001\"}\n"
    );
    assert_eq!(decimal(19, vec![10_000_000_000_000_000_001]), "{\"x\":\"1.0000000000000000001\"}\n");
    let wide = Decimal256Array::from(vec![i256::from_i128(-12_345)]).with_precision_and_scale(76, 3).unwrap();
    assert_eq!(one(arc(wide)), "{\"x\":\"-12.345\"}\n");
    assert_eq!(
        one(arc(Date32Array::from(vec![0, -719_528, 2_932_896]))),
        "{\"x\":\"1970-01-01\"}\n{\"x\":\"0000-01-01\"}\n{\"x\":\"9999-12-31\"}\n"
    );
    assert_eq!(
        one(arc(Time64MicrosecondArray::from(vec![0, 86_399_999_999]))),
        "{\"x\":\"00:00:00.000000\"}\n{\"x\":\"23:59:59.999999\"}\n"
    );
    let micros = TimestampMicrosecondArray::from(vec![-1, 1_709_208_000_000_000]);
    assert_eq!(one(arc(micros.clone())), "{\"x\":\"1969-12-31T23:59:59.999999\"}\n{\"x\":\"2024-02-29T12:00:00.000000\"}\n");
    assert_eq!(
        one(arc(micros.with_timezone("+00:00"))),
        "{\"x\":\"1969-12-31T23:59:59.999999Z\"}\n{\"x\":\"2024-02-29T12:00:00.000000Z\"}\n"
    );
    let nanos = TimestampNanosecondArray::from(vec![i64::MIN, i64::MAX]).with_timezone("+00:00");
    assert_eq!(one(arc(nanos)), "{\"x\":\"1677-09-21T00:12:43.145224192Z\"}\n{\"x\":\"2262-04-11T23:47:16.854775807Z\"}\n");
    let intervals = [(0, 0, 0), (14, -3, 0), (0, 0, -1_500_000_000), (1, 0, 60_000_000_000), (0, 0, i64::MIN)];
    let intervals: Vec<_> = intervals.iter().map(|(m, d, n)| IntervalMonthDayNano::new(*m, *d, *n)).collect();
    assert_eq!(
        one(arc(IntervalMonthDayNanoArray::from(intervals))),
        "{\"x\":\"PT0S\"}\n{\"x\":\"P14M-3D\"}\n{\"x\":\"PT-1.500000000S\"}\n{\"x\":\"P1MT60S\"}\n{\"x\":\"PT-9223372036.854775808S\"}\n"
    );
    let uuid = FixedSizeBinaryArray::try_from_iter([*b"\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00"].iter())
        .unwrap();
    assert_eq!(one(arc(uuid)), "{\"x\":\"123e4567-e89b-12d3-a456-426614174000\"}\n");
    assert_eq!(one(arc(BinaryArray::from(vec![&b"\xff\x00"[..], b""]))), "{\"x\":\"/wA=\"}\n{\"x\":\"\"}\n");
    assert_eq!(one(arc(LargeStringArray::from(vec!["a\"b"]))), "{\"x\":\"a\\\"b\"}\n");
    assert_eq!(
        one(arc(StringViewArray::from(vec!["longer than twelve bytes\n", "s"]))),
        "{\"x\":\"longer than twelve bytes\\n\"}\n{\"x\":\"s\"}\n"
    );
    assert_eq!(one(arc(NullArray::new(1))), "{\"x\":null}\n");
}

#[test]
fn nested_types() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![]), None]);
    assert_eq!(one(arc(list)), "{\"x\":[1,null]}\n{\"x\":[]}\n{\"x\":null}\n");
    let inner: ArrayRef = arc(Int32Array::from(vec![Some(1), None]));
    let name: ArrayRef = arc(StringArray::from(vec![None, None::<&str>]));
    let object = StructArray::from(vec![
        (Arc::new(Field::new("a", DataType::Int32, true)), inner),
        (Arc::new(Field::new("b\"", DataType::Utf8, true)), name),
    ]);
    assert_eq!(one(arc(object.clone())), "{\"x\":{\"a\":1,\"b\\\"\":null}}\n{\"x\":{\"a\":null,\"b\\\"\":null}}\n");
    let (text, _) =
        lines_with(&batch(vec![("x", arc(object))]), JsonWriteOptions { nulls: Nulls::Omit, ..JsonWriteOptions::default() });
    assert_eq!(text, "{\"x\":{\"a\":1}}\n{\"x\":{}}\n");
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("k\n");
    map.values().append_value(1);
    map.keys().append_value("l");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(true).unwrap();
    map.append(false).unwrap();
    assert_eq!(one(arc(map.finish())), "{\"x\":{\"k\\n\":1,\"l\":null}}\n{\"x\":{}}\n{\"x\":null}\n");
    let mut map = MapBuilder::new(None, Int32Builder::new(), Int32Builder::new());
    map.keys().append_value(-5);
    map.values().append_value(1);
    map.append(true).unwrap();
    assert_eq!(one(arc(map.finish())), "{\"x\":{\"-5\":1}}\n");
}

#[test]
fn rows_that_have_no_json_are_named_and_left_out() {
    let floats = arc(Float64Array::from(vec![1.0, f64::NAN, f64::INFINITY, 2.0]));
    let times = arc(TimestampMicrosecondArray::from(vec![i64::MAX, 0, 0, 0]).with_timezone("+00:00"));
    let batch = batch(vec![("f", floats), ("t", times)]);
    let (text, bad) = lines_with(&batch, JsonWriteOptions::default());
    assert_eq!(text, "{\"f\":2.0,\"t\":\"1970-01-01T00:00:00.000000Z\"}\n");
    let reasons = [
        "outside the years 0000 to 9999 (field `t`)",
        "NaN has no json form (field `f`)",
        "an infinity has no json form (field `f`)",
    ];
    assert_eq!(bad, reasons.iter().enumerate().map(|(i, r)| (i, (*r).to_owned())).collect::<Vec<_>>());
    let (text, bad) = lines_with(&batch, JsonWriteOptions { non_finite: NonFinite::Null, ..JsonWriteOptions::default() });
    assert!(text.starts_with("{\"f\":null,"), "{text}");
    assert_eq!(bad.len(), 1);
    let (text, _) = lines_with(&batch, JsonWriteOptions { non_finite: NonFinite::String, ..JsonWriteOptions::default() });
    assert!(text.starts_with("{\"f\":\"NaN\",") && text.contains("\n{\"f\":\"Infinity\","), "{text}");
    let days = Date32Array::from(vec![-719_529, 2_932_897]);
    let time = Time64MicrosecondArray::from(vec![-1, 86_400_000_000]);
    for array in [arc(days), arc(time)] {
        assert_eq!(lines_with(&self::batch(vec![("x", array)]), JsonWriteOptions::default()).1.len(), 2);
    }
}

#[test]
fn numbers_as_strings_or_numbers() {
    let batch = batch(vec![
        ("i", arc(Int64Array::from(vec![-1]))),
        ("u", arc(UInt64Array::from(vec![1]))),
        ("d", arc(Decimal128Array::from(vec![-105]).with_precision_and_scale(5, 2).unwrap())),
    ]);
    let options = JsonWriteOptions { int64: Numbers::String, decimals: Numbers::Number, ..JsonWriteOptions::default() };
    assert_eq!(lines_with(&batch, options).0, "{\"i\":\"-1\",\"u\":\"1\",\"d\":-1.05}\n");
}

#[test]
fn nulls_left_out() {
    let batch = batch(vec![
        ("a", arc(Int64Array::from(vec![None, Some(1), None]))),
        ("b", arc(Int64Array::from(vec![Some(2), None, None]))),
    ]);
    let options = JsonWriteOptions { nulls: Nulls::Omit, ..JsonWriteOptions::default() };
    assert_eq!(lines_with(&batch, options).0, "{\"b\":2}\n{\"a\":1}\n{}\n");
}

#[test]
fn json_columns_stay_on_one_line_and_must_be_json() {
    let field = Field::new("j", DataType::Utf8, true)
        .with_metadata([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into());
    let texts = StringArray::from(vec![
        Some("{\"a\":\r\n[1 ,\n2]}"),
        Some("{\"a\":1}\n{\"evil\":2}"),
        Some(""),
        Some("\"x\\n\""),
        None,
        Some("1}"),
    ]);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![arc(texts)]).unwrap();
    let (text, bad) = lines_with(&batch, JsonWriteOptions::default());
    assert_eq!(text, "{\"j\":{\"a\":  [1 , 2]}}\n{\"j\":\"x\\n\"}\n{\"j\":null}\n");
    assert_eq!(bad.iter().map(|b| b.0).collect::<Vec<_>>(), [1, 2, 5]);
}

#[test]
fn what_cannot_be() {
    let twice = Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("a", DataType::Utf8, true)]);
    assert_eq!(JsonEncoder::new(&Arc::new(twice.clone()), JsonWriteOptions::default()).unwrap_err().kind(), Kind::Schema);
    let nested = Schema::new(vec![Field::new("s", DataType::Struct(twice.fields().clone()), true)]);
    assert_eq!(JsonEncoder::new(&Arc::new(nested), JsonWriteOptions::default()).unwrap_err().kind(), Kind::Schema);
    let odd = Schema::new(vec![Field::new("s", DataType::FixedSizeBinary(3), true)]);
    assert_eq!(JsonEncoder::new(&Arc::new(odd), JsonWriteOptions::default()).unwrap_err().kind(), Kind::Unsupported);
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
    let mut encoder = JsonEncoder::new(&schema, JsonWriteOptions::default()).unwrap();
    assert!(encoder.encode(&batch(vec![("a", arc(Int64Array::from(vec![1])))]), &mut Vec::new(), None).is_err());
}

#[test]
fn rows_larger_than_any_buffer() {
    let text = "ä\"\n".repeat(300_000);
    let batch =
        batch(vec![("x", arc(StringArray::from(vec!["s", text.as_str(), "t"]))), ("y", arc(Int64Array::from(vec![1, 2, 3])))]);
    let out = lines(&batch);
    let rows: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[1]["x"].as_str(), Some(text.as_str()));
    assert_eq!(rows.iter().map(|row| row["y"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn no_columns_and_no_rows() {
    let options = thyme_core::arrow::array::RecordBatchOptions::new().with_row_count(Some(2));
    let none = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
    assert_eq!(lines(&none), "{}\n{}\n");
    assert_eq!(one(arc(Int64Array::from(Vec::<i64>::new()))), "");
}
