//! The rules of reading CSV, one by one.
use std::sync::Arc;

use thyme_core::Kind;
use thyme_core::arrow::array::RecordBatch;
use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::{Float64Type, Int64Type};
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use thyme_formats::csv::{CsvOptions, CsvScanner, infer};
use thyme_formats::scan::{Scanned, Unknown};

fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect::<Vec<_>>()))
}

fn ab() -> SchemaRef {
    schema(&[("a", DataType::Int64), ("b", DataType::Utf8)])
}

fn read_with(schema: &SchemaRef, options: CsvOptions, text: &[u8]) -> Scanned {
    let mut scanner = CsvScanner::new(schema, options).unwrap();
    let from = scanner.header(text, true).unwrap().unwrap();
    scanner.records(&text[from..], true).unwrap()
}

fn read(text: &str) -> Scanned {
    read_with(&ab(), CsvOptions::default(), text.as_bytes())
}

fn a(rows: &RecordBatch) -> Vec<Option<i64>> {
    rows.column(0).as_primitive::<Int64Type>().iter().collect()
}

fn b(rows: &RecordBatch) -> Vec<Option<String>> {
    rows.column(1).as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|t| Some((*t).to_owned())).collect()
}

#[test]
fn columns_go_by_name_and_line_ends_by_either() {
    for text in [
        "b,a\nx,1\ny,2\n",
        "\u{feff}b,a\r\nx,1\r\ny,2",
        "\n\nb,c,a\nx,?,1\n\ny,\"?\n\",2\r\n",
        "\"b\",\"a\"\nx,\"1\"\n\"y\",+2\r\n\r\n",
    ] {
        let scanned = read(text);
        assert_eq!(scanned.bad, [], "{text}");
        assert_eq!((a(&scanned.rows), b(&scanned.rows)), (vec![Some(1), Some(2)], some(&["x", "y"])), "{text}");
    }
}

#[test]
fn null_is_bare_and_empty_is_quoted() {
    let scanned = read("a,b\n,\n1,\"\"\n,x\n\"\",y\n");
    assert_eq!(a(&scanned.rows), [None, Some(1), None]);
    assert_eq!(b(&scanned.rows), [None, Some(String::new()), Some("x".into())]);
    assert_eq!(scanned.bad.len(), 1);
    assert_eq!(scanned.bad[0].reason, "expected an int64, found \"\": not a whole number (field `a`)");
    let options = CsvOptions { null_value: "\\N".into(), ..CsvOptions::default() };
    let scanned = read_with(&ab(), options, b"a,b\n\\N,\\N\n1,\n2,\"\\N\"\n,x\n");
    assert_eq!(a(&scanned.rows), [None, Some(1), Some(2)]);
    assert_eq!(b(&scanned.rows), [None, Some(String::new()), Some("\\N".into())]);
    assert_eq!(scanned.bad.len(), 1);
}

#[test]
fn a_bad_record_costs_itself() {
    let text = "a,b\n1,x\nabc,\"two\nlines\"\n3,y\n4\n5,y,z,\"\n\"\n6,\"y\"z\n7,q\"r\n8,q\rr\n99999999999999999999,y\n10,ok\n11,\"open\nto the end";
    let body = &text[4..];
    let scanned = read(text);
    assert_eq!(a(&scanned.rows), [Some(1), Some(3), Some(10)]);
    assert_eq!(scanned.consumed, body.len());
    assert_eq!(scanned.lines, 13);
    let got: Vec<_> =
        scanned.bad.iter().map(|bad| (bad.row, &body[bad.bytes.clone()], bad.line, bad.column, bad.reason.as_str())).collect();
    let want = [
        (1, "abc,\"two\nlines\"", 1, 1, "expected an int64, found \"abc\": not a whole number (field `a`)"),
        (2, "4", 4, 1, "expected 2 fields, found 1"),
        (2, "5,y,z,\"\n\"", 5, 1, "expected 2 fields, found 4"),
        (2, "6,\"y\"z", 7, 6, "text after the closing quote (field `b`)"),
        (2, "7,q\"r", 8, 4, "a quote within a bare field (field `b`)"),
        (2, "8,q\rr", 9, 4, "a carriage return that ends no line (field `b`)"),
        (2, "99999999999999999999,y", 10, 1, "expected an int64, found \"99999999999999999999\": beyond 64 bits (field `a`)"),
        (3, "11,\"open\nto the end", 12, 4, "the quote is never closed (field `b`)"),
    ];
    assert_eq!(got, want);
}

#[test]
fn a_stray_quote_is_text_where_the_options_say_so() {
    let options = CsvOptions { stray_quote_is_text: true, ..CsvOptions::default() };
    let scanned = read_with(&ab(), options, b"a,b\n1,5\" disk\n2,x\"\"\n");
    assert_eq!(b(&scanned.rows), some(&["5\" disk", "x\"\""]));
}

#[test]
fn an_escape_instead_of_doubled_quotes() {
    let options = CsvOptions { escape: Some(b'\\'), ..CsvOptions::default() };
    let scanned = read_with(&ab(), options, b"a,b\n1,\"x\\\"y\\\\\"\n2,x\\y\n3,\"x\"\"y\"\n");
    assert_eq!(b(&scanned.rows), some(&["x\"y\\", "x\\y"]));
    assert_eq!(scanned.bad.len(), 1);
}

#[test]
fn empty_lines_are_records_only_of_one_column() {
    assert_eq!(a(&read("a,b\n\n1,x\n\r\n\n2,y\n\n").rows), [Some(1), Some(2)]);
    let one = schema(&[("a", DataType::Int64)]);
    let scanned = read_with(&one, CsvOptions::default(), b"a\n1\n\n3\r\n\r\n5");
    assert_eq!(a(&scanned.rows), [Some(1), None, Some(3), None, Some(5)]);
}

#[test]
fn headers_that_do_not_fit() {
    let header = |text: &str, unknown| {
        let mut scanner = CsvScanner::new(&ab(), CsvOptions { unknown, ..CsvOptions::default() }).unwrap();
        scanner.header(text.as_bytes(), true)
    };
    let twice = header("a,b,a\n", Unknown::Ignore).unwrap_err();
    assert_eq!((twice.kind(), twice.message()), (Kind::Schema, "the csv header has `a` twice"));
    let gone = header("a,c\n", Unknown::Ignore).unwrap_err();
    assert_eq!(gone.as_drift().unwrap().removed, ["b"]);
    assert!(header("a,c,b\n", Unknown::Ignore).unwrap().is_some());
    let new = header("a,c,b,d\n1,2.5,x,true\n2,3,y,false\n", Unknown::Report).unwrap_err();
    let added: Vec<_> = new.as_drift().unwrap().added.iter().map(|f| (f.name().clone(), f.data_type().clone())).collect();
    assert_eq!(added, [("c".to_owned(), DataType::Float64), ("d".to_owned(), DataType::Boolean)]);
    assert!(header("a,\"b\n", Unknown::Ignore).is_err());
    assert_eq!(header("", Unknown::Ignore).unwrap(), Some(0));
}

#[test]
fn a_header_waits_for_its_end() {
    let text = "\u{feff}a,\"b\"\r\n1,x\r\n";
    for cut in 0..text.len() {
        let mut scanner = CsvScanner::new(&ab(), CsvOptions::default()).unwrap();
        let known = scanner.header(&text.as_bytes()[..cut], false).unwrap();
        assert_eq!(known, (cut >= 10).then_some(10), "{cut}");
    }
}

#[test]
fn without_a_header_the_columns_are_those_of_the_schema() {
    let options = CsvOptions { header: false, delimiter: b';', quote: b'\'', ..CsvOptions::default() };
    let scanned = read_with(&ab(), options, "\u{feff}1;'x;y'\n2;\"\n".as_bytes());
    assert_eq!((a(&scanned.rows), b(&scanned.rows)), (vec![Some(1), Some(2)], some(&["x;y", "\""])));
}

#[test]
fn invalid_utf_8_costs_its_record() {
    let mut text = b"a,b\n".to_vec();
    for i in 0..20_000 {
        let good = format!("{i},h\u{e4}tte\n");
        text.extend_from_slice(if i % 1000 == 7 { b"1,\xff\n" } else { good.as_bytes() });
    }
    text.extend_from_slice(b"1,\"\xc3\"\n2,\xc3");
    let scanned = read_with(&ab(), CsvOptions::default(), &text);
    assert_eq!(scanned.rows.num_rows(), 19_980);
    assert_eq!(scanned.bad.len(), 22);
    for bad in &scanned.bad {
        assert!(bad.reason == "invalid utf-8" && (bad.column == 3 || bad.column == 4), "{bad:?}");
    }
}

#[test]
fn a_record_beyond_the_cap_is_bad_and_the_next_ones_go_on() {
    let options = CsvOptions { record_bytes_at_most: 20, ..CsvOptions::default() };
    let text = format!("1,x\n2,\"{}\n\",\n3,y\n4,{}\n5,z\n", "long\n".repeat(20), "w".repeat(20));
    for step in 1..text.len() {
        let mut scanner = CsvScanner::new(&ab(), options.clone()).unwrap();
        scanner.header(b"a,b\n", true).unwrap();
        let (mut from, mut to, mut rows, mut bad, mut lines) = (0, 0, Vec::new(), Vec::new(), 0);
        while to < text.len() {
            to = (to + step).min(text.len());
            let scanned = scanner.records(&text.as_bytes()[from..to], to == text.len()).unwrap();
            rows.extend(a(&scanned.rows));
            bad.extend(scanned.bad.into_iter().map(|b| (lines + b.line, b.column, b.reason)));
            lines += scanned.lines;
            from += scanned.consumed;
        }
        assert_eq!(rows, [Some(1), Some(3), Some(5)], "{step}");
        let reason = "the record is longer than 20 bytes";
        assert_eq!(bad, [(1, 21, reason.to_owned()), (24, 21, reason.to_owned())], "{step}");
        assert_eq!((from, lines), (text.len(), 26), "{step}");
        assert!(!scanner.inside_record());
    }
}

#[test]
fn rows_at_most_stops_and_goes_on() {
    let mut scanner = CsvScanner::new(&ab(), CsvOptions { rows_at_most: 2, ..CsvOptions::default() }).unwrap();
    scanner.header(b"a,b\n", true).unwrap();
    let text = b"1,a\nx,b\n2,c\n3,d\n4,e\n5,f\n";
    let (mut at, mut sizes) = (0, Vec::new());
    while at < text.len() {
        let scanned = scanner.records(&text[at..], true).unwrap();
        sizes.push((scanned.rows.num_rows(), scanned.bad.len(), scanned.lines));
        at += scanned.consumed;
    }
    assert_eq!(sizes, [(2, 1, 3), (2, 0, 2), (1, 0, 1)]);
}

#[test]
fn numbers_beyond_their_type_are_bad() {
    let schema = schema(&[("x", DataType::Float64), ("y", DataType::UInt8), ("z", DataType::Decimal128(4, 1))]);
    let scanned =
        read_with(&schema, CsvOptions::default(), b"x,y,z\n1e400,1,1\n1,256,1\n1,-1,1\n1,1,1.25\n1,1,1000\n1.5e3,255,-999.9\n");
    let reasons: Vec<_> = scanned.bad.iter().map(|b| b.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "expected a float64, found \"1e400\": beyond the range of the type (field `x`)",
            "expected a uint8, found \"256\": beyond the range of the type (field `y`)",
            "expected a uint8, found \"-1\": below zero (field `y`)",
            "expected a decimal(4,1), found \"1.25\": more decimal places than the column has (field `z`)",
            "expected a decimal(4,1), found \"1000\": more digits than the column has (field `z`)",
        ]
    );
    assert_eq!(scanned.rows.column(0).as_primitive::<Float64Type>().value(0), 1500.0);
}

#[test]
fn what_cannot_be() {
    let refused = |schema: &SchemaRef, options| CsvScanner::new(schema, options).unwrap_err().kind();
    assert_eq!(refused(&ab(), CsvOptions { quote: b',', ..CsvOptions::default() }), Kind::Config);
    assert_eq!(refused(&ab(), CsvOptions { delimiter: b'\n', ..CsvOptions::default() }), Kind::Config);
    assert_eq!(refused(&ab(), CsvOptions { delimiter: 0xe4, ..CsvOptions::default() }), Kind::Config);
    assert_eq!(refused(&ab(), CsvOptions { null_value: "a,b".into(), ..CsvOptions::default() }), Kind::Config);
    assert_eq!(refused(&schema(&[("a", DataType::Int64), ("a", DataType::Utf8)]), CsvOptions::default()), Kind::Schema);
    let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
    assert_eq!(refused(&schema(&[("a", list)]), CsvOptions::default()), Kind::Unsupported);
}

#[test]
fn inferred_types() {
    let text = b"id,price,ok,day,at,zip,name,none,mixed,when,big\n\
        1,1.5,true,2024-02-29,2024-02-29T12:00:00Z,02134,x,,1,2024-01-01,9223372036854775808\n\
        -2,2,false,2024-03-01,2024-02-29 12:00,1000,\"y,z\",,x,2024-01-01 10:00,1\n\
        3,-.5e3,true,1970-01-01,1970-01-01T00:00,2,1,,,2024-01-01,2\n\
        bad\n\
        x,x,x,x,x";
    let schema = infer(text, &CsvOptions::default()).unwrap();
    let types: Vec<_> = schema.fields().iter().map(|f| f.data_type().clone()).collect();
    let at = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    use DataType::{Boolean, Date32, Float64, Int64, Utf8};
    assert_eq!(types, [Int64, Float64, Boolean, Date32, at.clone(), Utf8, Utf8, Utf8, Utf8, at, Utf8]);
    let bare = infer(b"1,x", &CsvOptions { header: false, ..CsvOptions::default() }).unwrap();
    assert_eq!(bare.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["column_1", "column_2"]);
    assert_eq!(bare.field(0).data_type(), &Int64);
    assert!(infer(b"", &CsvOptions::default()).is_err());
    assert!(infer(b"a,a\n1,2\n", &CsvOptions::default()).is_err());
}
