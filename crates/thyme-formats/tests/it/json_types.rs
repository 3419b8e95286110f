//! Every type that JSON is read into: what it takes, what it refuses, and why.
use std::sync::Arc;

use thyme_core::Kind;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
    TimestampNanosecondType,
};
use thyme_core::arrow::array::{Array, ArrayRef};
use thyme_core::arrow::buffer::{IntervalMonthDayNano, i256};
use thyme_core::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use thyme_formats::TimestampUnit;
use thyme_formats::json::{JsonOptions, JsonScanner};
use thyme_formats::scan::Scanned;

use crate::json_reference::shown;

fn scan(field: Field, values: &[&str], options: JsonOptions) -> Scanned {
    let schema = Arc::new(Schema::new(vec![field.with_name("v")]));
    let lines: String = values.iter().map(|value| format!("{{\"v\":{value}}}\n")).collect();
    JsonScanner::new(&schema, options).unwrap().lines(lines.as_bytes(), true).unwrap()
}

/// The column that these values make; all must be good.
fn good(data_type: DataType, values: &[&str]) -> ArrayRef {
    let got = scan(Field::new("v", data_type, true), values, JsonOptions::default());
    assert_eq!(got.bad, []);
    assert_eq!(got.rows.num_rows(), values.len());
    Arc::clone(got.rows.column(0))
}

/// Why each of these values is refused.
fn refused(data_type: DataType, values: &[&str]) -> Vec<String> {
    let got = scan(Field::new("v", data_type.clone(), true), values, JsonOptions::default());
    assert_eq!(got.rows.num_rows(), 0, "{data_type} took one of {values:?}: {:?}", got.rows);
    got.bad.into_iter().map(|bad| bad.reason).collect()
}

fn text(values: &ArrayRef) -> Vec<String> {
    (0..values.len()).map(|row| shown(values, row)).collect()
}

#[test]
fn booleans() {
    assert_eq!(text(&good(DataType::Boolean, &["true", "false", "null"])), ["true", "false", "null"]);
    let why = refused(DataType::Boolean, &["1", "\"true\"", "True", "truth", "tru"]);
    assert_eq!(why[0], "expected a bool, found `1` (field `v`)");
}

#[test]
fn integers_are_whole_and_fit() {
    let took = good(DataType::Int64, &["0", "-0", "-0.0", "1.0", "1e2", "1.50e1", "10E-1", "9223372036854775807"]);
    assert_eq!(text(&took), ["0", "0", "0", "1", "100", "15", "1", "9223372036854775807"]);
    assert_eq!(
        text(&good(DataType::Int64, &["-9223372036854775808", "9007199254740993.0"])),
        ["-9223372036854775808", "9007199254740993"]
    );
    let why =
        refused(DataType::Int64, &["9223372036854775808", "1e19", "1.5", "9007199254740992.5", "1e400", "\"12\"", "1e-400"]);
    assert_eq!(why[0], "out of range for an int64: `9223372036854775808` (field `v`)");
    assert_eq!(why[2], "expected an int64, found `1.5` (field `v`)");
    assert_eq!(why[5], "expected an int64, found \"12\" (field `v`)");
    for broken in ["01", "1.", ".5", "+1", "1e", "--1", "0x10", "NaN", "Infinity", "-Infinity", "1_000", "-"] {
        refused(DataType::Int64, &[broken]);
        refused(DataType::Float64, &[broken]);
        refused(DataType::Decimal128(12, 2), &[broken]);
        refused(DataType::Timestamp(TimeUnit::Microsecond, None), &[broken]);
    }
    let limits = [
        (DataType::Int8, "-128", "127", "128"),
        (DataType::Int16, "-32768", "32767", "-32769"),
        (DataType::Int32, "-2147483648", "2147483647", "2147483648"),
        (DataType::UInt8, "0", "255", "256"),
        (DataType::UInt16, "0", "65535", "-1"),
        (DataType::UInt32, "0", "4294967295", "4294967296"),
        (DataType::UInt64, "0", "18446744073709551615", "18446744073709551616"),
    ];
    for (data_type, least, most, beyond) in limits {
        let took = good(data_type.clone(), &[least, most, "null"]);
        assert_eq!(took.data_type(), &data_type);
        assert_eq!((took.null_count(), took.len()), (1, 3));
        let why = refused(data_type, &[beyond]);
        assert!(why[0].starts_with("out of range for a"), "{why:?}");
    }
}

#[test]
fn floats_are_rounded_once() {
    let texts = [
        "0.1",
        "-0.0",
        "1",
        "123456789012345678901234567890",
        "0.30000000000000004",
        "2.2250738585072011e-308",
        "5e-324",
        "1e-400",
    ];
    let wanted: Vec<_> = texts.iter().map(|text| format!("{:x}", text.parse::<f64>().unwrap().to_bits())).collect();
    assert_eq!(text(&good(DataType::Float64, &texts)), wanted);
    let wanted: Vec<_> = texts.iter().map(|text| format!("{:x}", text.parse::<f32>().unwrap().to_bits())).collect();
    assert_eq!(text(&good(DataType::Float32, &texts)), wanted);
    assert_eq!(refused(DataType::Float64, &["1e400", "\"1\""])[0], "out of range for a float64: `1e400` (field `v`)");
    refused(DataType::Float32, &["1e39", "-3.5e38"]);
}

#[test]
fn strings_keep_every_character() {
    let took = good(
        DataType::Utf8,
        &[r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀""#, r#""""#, "null", r#""0123456789012345678901234567890123456789""#],
    );
    let took = took.as_string::<i32>();
    assert_eq!(took.value(0), "a\"\\/\u{8}\u{c}\n\r\té😀é😀");
    assert_eq!((took.value(1), took.is_null(2), took.value(3).len()), ("", true, 40));
    let why = refused(
        DataType::Utf8,
        &["12", r#""\ud800x""#, r#""\udc00""#, r#""\ud800\u0041""#, r#""\x""#, "\"a\tb\"", "\"\u{1}\"", "\"open"],
    );
    assert_eq!(
        why,
        [
            "expected a string, found `12` (field `v`)",
            "half of a surrogate pair in a string (field `v`)",
            "half of a surrogate pair in a string (field `v`)",
            "half of a surrogate pair in a string (field `v`)",
            "an escape that JSON does not have (field `v`)",
            "a control character in a string must be escaped (field `v`)",
            "a control character in a string must be escaped (field `v`)",
            "a string without its closing quote (field `v`)",
        ]
    );
}

#[test]
fn decimals_are_exact() {
    let took =
        good(DataType::Decimal128(12, 2), &["1", "-1.5", "\"12.34\"", "1.230", "1e3", "9999999999.99", "0e99", "null", "12e-2"]);
    let took = took.as_primitive::<Decimal128Type>();
    assert_eq!(took.values()[..7], [100, -150, 1234, 123, 100_000, 999_999_999_999, 0]);
    assert_eq!((took.is_null(7), took.value(8)), (true, 12));
    let why = refused(
        DataType::Decimal128(12, 2),
        &["1.234", "10000000000", "\"abc\"", "\" 1\"", "\"\"", "true", "1e-3", "1e99999999999999999999"],
    );
    assert_eq!(why[0], "more decimal places than the column has: `1.234` (field `v`)");
    assert_eq!(why[1], "more digits than the column has: `10000000000` (field `v`)");
    assert_eq!(why[2], "expected a decimal, found \"abc\" (field `v`)");
    let digits = "1234567890123456789012345678901234567890123456789012345678901234567890";
    let took = good(DataType::Decimal256(76, 4), &[&format!("-{digits}.25"), "7"]);
    let took = took.as_primitive::<Decimal256Type>();
    assert_eq!(took.value(0), i256::from_string(&format!("-{digits}2500")).unwrap());
    assert_eq!(took.value(1), i256::from_i128(70_000));
}

#[test]
fn dates_and_times() {
    let took = good(DataType::Date32, &["\"1970-01-01\"", "\"2024-02-29\"", "\"1969-12-31\"", "\"2024-0\\u0032-29\""]);
    assert_eq!(took.as_primitive::<Date32Type>().values().as_ref(), [0, 19782, -1, 19782]);
    refused(
        DataType::Date32,
        &["\"2023-02-29\"", "\"2024-13-01\"", "\"2024-1-1\"", "19782", "\"2024-01-01T00:00:00Z\"", "\"2024-04-31\""],
    );
    let time = DataType::Time64(TimeUnit::Microsecond);
    let took = good(time.clone(), &["\"00:00:00\"", "\"23:59:59.999999\"", "\"07:08\"", "\"01:00:00.5\""]);
    assert_eq!(
        took.as_primitive::<Time64MicrosecondType>().values().as_ref(),
        [0, 86_399_999_999, 25_680_000_000, 3_600_500_000]
    );
    refused(time, &["\"24:00:00\"", "\"23:59:60\"", "\"1:00:00\"", "3600", "\"00:00:00Z\""]);
}

fn zoned(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, Some("+00:00".into()))
}

#[test]
fn timestamps_in_text() {
    let at = 1_714_979_289_000_000; // 2024-05-06T07:08:09Z
    let same = [
        ("2024-05-06T07:08:09Z", 0),
        ("2024-05-06t07:08:09z", 0),
        ("2024-05-06T07:08:09.123456Z", 123_456),
        ("2024-05-06T07:08:09.123456789Z", 123_456),
        ("2024-05-06T07:08:09.5Z", 500_000),
        ("2024-05-06T09:08:09+02:00", 0),
        ("2024-05-06T04:38:09.25-02:30", 250_000),
        ("2024-05-06 07:08:09", 0),
        ("2024-05-06 07:08:09.000001", 1),
        ("2024-05-06T07:08:09\\u005a", 0),
    ];
    let texts: Vec<_> = same.iter().map(|(text, _)| format!("\"{text}\"")).collect();
    let took = good(zoned(TimeUnit::Microsecond), &texts.iter().map(String::as_str).collect::<Vec<_>>());
    for ((text, after), value) in same.iter().zip(took.as_primitive::<TimestampMicrosecondType>().values()) {
        assert_eq!(*value, at + after, "{text}");
    }
    let took =
        good(zoned(TimeUnit::Nanosecond), &["\"2024-05-06T07:08:09.123456789Z\"", "\"2024-05-06\"", "1714979289.000000001"]);
    let values = took.as_primitive::<TimestampNanosecondType>().values().to_vec();
    assert_eq!(values, [at * 1000 + 123_456_789, 1_714_953_600_000_000_000, at * 1000 + 1]);
    refused(
        zoned(TimeUnit::Microsecond),
        &[
            "\"2024-05-06T07:08:60Z\"",
            "\"2024-05-06T24:00:00Z\"",
            "\"2024-02-30T00:00:00.000000Z\"",
            "\"2024-05-06T07:08:09.Z\"",
            "\"2024-05-06T07:08:09ZZ\"",
            "\"2024-05-06T07:08:09+24:00\"",
            "\"soon\"",
            "\"\"",
            "true",
            "{}",
            "1e30",
        ],
    );
    refused(zoned(TimeUnit::Nanosecond), &["\"2500-01-01T00:00:00Z\""]);
    let local = DataType::Timestamp(TimeUnit::Microsecond, None);
    let took = good(local.clone(), &["\"2024-05-06T07:08:09\"", "\"2024-05-06\"", "0"]);
    assert_eq!(took.as_primitive::<TimestampMicrosecondType>().values().as_ref(), [at, 1_714_953_600_000_000, 0]);
    refused(local, &["\"2024-05-06T07:08:09Z\"", "\"2024-05-06T07:08:09.123456Z\""]);
}

#[test]
fn timestamps_in_numbers() {
    let cases = [
        (TimestampUnit::Seconds, "1714979289.123456", 1_714_979_289_123_456),
        (TimestampUnit::Seconds, "-0.0000015", -2),
        (TimestampUnit::Seconds, "1.7e9", 1_700_000_000_000_000),
        (TimestampUnit::Milliseconds, "1714979289123", 1_714_979_289_123_000),
        (TimestampUnit::Milliseconds, "0.5", 500),
        (TimestampUnit::Microseconds, "1714979289123456", 1_714_979_289_123_456),
    ];
    for (timestamp_unit, number, wanted) in cases {
        let options = JsonOptions { timestamp_unit, ..JsonOptions::default() };
        let got = scan(Field::new("v", zoned(TimeUnit::Microsecond), true), &[number], options);
        assert_eq!(got.rows.column(0).as_primitive::<TimestampMicrosecondType>().values().as_ref(), [wanted], "{number}");
    }
}

#[test]
fn intervals_uuids_and_bytes() {
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let took = good(interval.clone(), &["\"P1Y2M3DT4H5M6.5S\"", "\"-P1W\"", "\"PT0S\"", "null"]);
    let took = took.as_primitive::<IntervalMonthDayNanoType>();
    assert_eq!(took.value(0), IntervalMonthDayNano::new(14, 3, 14_706_500_000_000));
    assert_eq!((took.value(1), took.is_null(3)), (IntervalMonthDayNano::new(0, -7, 0), true));
    refused(interval, &["\"P\"", "\"1 day\"", "\"PT\"", "\"P1S\"", "60"]);

    let uuid = Field::new("v", DataType::FixedSizeBinary(16), true)
        .with_metadata([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())].into_iter().collect());
    let values = ["\"00112233-4455-6677-8899-aAbBcCdDeEfF\"", "\"00112233445566778899aabbccddeeff\"", "null", "\"0011\"", "7"];
    let got = scan(uuid, &values, JsonOptions::default());
    assert_eq!((got.rows.num_rows(), got.bad.len()), (3, 2));
    let took = got.rows.column(0).as_fixed_size_binary();
    let bytes: Vec<u8> = (0..16).map(|i| i * 0x11).collect();
    assert_eq!((took.value(0), took.value(1), took.is_null(2)), (&bytes[..], &bytes[..], true));

    let took = good(DataType::Binary, &["\"\"", "\"aGk=\"", "\"AAEC/w==\"", "null"]);
    let took = took.as_binary::<i32>();
    assert_eq!((took.value(0), took.value(1), took.value(2)), (&b""[..], &b"hi"[..], &[0, 1, 2, 255][..]));
    refused(DataType::Binary, &["\"aGk\"", "\"aGl=\"", "\"a-_=\"", "\"aGk= \"", "\"====\"", "5"]);
}

#[test]
fn json_is_kept_as_compact_text() {
    let field = Field::new("v", DataType::Utf8, true)
        .with_metadata([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into_iter().collect());
    let values = [
        r#"{ "a" : [ 1.50 , "x y\n" , { } ] , "b":null }"#,
        "1e2",
        "null",
        "\" \"",
        "[1,]",
        "1e400",
        "{\"a\":\"\\ud800\"}",
        "[}",
    ];
    let got = scan(field, &values, JsonOptions::default());
    let took = got.rows.column(0).as_string::<i32>();
    let took: Vec<_> = took.iter().collect();
    assert_eq!(took, [Some(r#"{"a":[1.50,"x y\n",{}],"b":null}"#), Some("1e2"), None, Some("\" \"")]);
    assert_eq!(got.bad.len(), 4);
}

#[test]
fn what_must_not_be_null_is_a_bad_record() {
    let inner = vec![Field::new("x", DataType::Int64, false), Field::new("y", DataType::Utf8, true)];
    let schema = Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, false),
        Field::new("s", DataType::Struct(inner.into()), true),
    ]));
    let lines = b"{\"k\":1}\n{\"k\":null}\n{\"s\":{\"x\":1}}\n{\"k\":2,\"s\":{\"y\":\"a\"}}\n{\"k\":3,\"s\":{\"x\":1}}\n{\"k\":4,\"s\":null}\n";
    let got = JsonScanner::new(&schema, JsonOptions::default()).unwrap().lines(lines, true).unwrap();
    let reasons: Vec<_> = got.bad.iter().map(|bad| (bad.row, bad.line, bad.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (1, 1, "a value that must not be null is missing (field `k`)"),
            (1, 2, "a value that must not be null is missing (field `k`)"),
            (1, 3, "a value that must not be null is missing (field `s.x`)"),
        ]
    );
    assert_eq!(text(got.rows.column(0)), ["1", "3", "4"]);
    assert_eq!(text(got.rows.column(1)), ["null", "{1,null}", "null"]);
}

#[test]
fn of_a_repeated_key_the_last_counts() {
    let pair = vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Int64, true)];
    let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair.into()), false)), false);
    let inner = vec![Field::new("x", DataType::Int64, true), Field::new("y", DataType::Utf8, true)];
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("t", DataType::Utf8, true),
        Field::new("s", DataType::Struct(inner.into()), true),
        Field::new("m", map, true),
        Field::new("l", DataType::List(Arc::new(Field::new("item", DataType::Int64, true))), true),
    ]));
    let lines = br#"{"a":1,"t":"long text","a":2,"t":null,"l":[1,2,3],"l":[4]}
{"s":{"x":1,"y":"p"},"s":{"y":"q","y":"r"},"m":{"k":1,"j":2,"k":3},"m":{"b":1,"a":1,"b":null,"c":4,"b":5}}
{"a":null,"\u0061":7,"m":{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,"1":0}}
"#;
    let got = JsonScanner::new(&schema, JsonOptions::default()).unwrap().lines(lines, true).unwrap();
    assert_eq!(got.bad, []);
    assert_eq!(text(got.rows.column(0)), ["2", "null", "7"]);
    assert_eq!(text(got.rows.column(1)), ["null", "null", "null"]);
    assert_eq!(text(got.rows.column(2)), ["null", "{null,\"r\"}", "null"]);
    let nine = r#"{"1":0,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9}"#;
    assert_eq!(text(got.rows.column(3)), ["null", r#"{"a":1,"b":5,"c":4}"#, nine]);
    assert_eq!(text(got.rows.column(4)), ["[4]", "null", "null"]);
}

#[test]
fn a_type_that_cannot_be_read_is_named() {
    let refused = |field: Field| JsonScanner::new(&Arc::new(Schema::new(vec![field])), JsonOptions::default()).unwrap_err();
    let error = refused(Field::new("d", DataType::Duration(TimeUnit::Second), true));
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Unsupported, "field `d` has the type Duration(s): JSON cannot be read into this type")
    );
    let inner = DataType::List(Arc::new(Field::new("item", DataType::LargeUtf8, true)));
    assert_eq!(refused(Field::new("l", inner, true)).to_string().matches("`item`").count(), 1);
    refused(Field::new("t", DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into())), true));
    let twice = Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("a", DataType::Utf8, true)]);
    assert_eq!(JsonScanner::new(&Arc::new(twice), JsonOptions::default()).unwrap_err().kind(), Kind::Config);
    let mut deep = DataType::Int64;
    for _ in 0..200 {
        deep = DataType::List(Arc::new(Field::new("item", deep, true)));
    }
    assert_eq!(refused(Field::new("deep", deep, true)).kind(), Kind::Unsupported);
}
