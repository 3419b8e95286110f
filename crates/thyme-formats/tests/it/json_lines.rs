//! JSON Lines and messages: rows, bad records, drift, blocks cut anywhere.
use std::sync::Arc;

use thyme_core::arrow::array::cast::AsArray;
use thyme_core::arrow::array::types::Int64Type;
use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use thyme_formats::json::{JsonOptions, JsonScanner};
use thyme_formats::scan::{Scanned, Unknown};

fn schema() -> SchemaRef {
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("l", DataType::List(item), true),
    ]))
}

fn scanner(unknown: Unknown) -> JsonScanner {
    JsonScanner::new(&schema(), JsonOptions { unknown, ..JsonOptions::default() }).unwrap()
}

fn lines(text: &str) -> Scanned {
    scanner(Unknown::Ignore).lines(text.as_bytes(), true).unwrap()
}

#[test]
fn rows_missing_keys_blank_lines_and_crlf() {
    let text = "{\"a\":1,\"s\":\"x\",\"l\":[1,2]}\r\n\r\n  \n{ \"s\" : \"y\\n\\u00e9\" , \"a\" : -7 }\n{}";
    let got = lines(text);
    assert_eq!(got.bad, []);
    assert_eq!(got.lines, 4);
    assert_eq!(got.consumed, text.len());
    let a = got.rows.column(0).as_primitive::<Int64Type>();
    assert_eq!(a.iter().collect::<Vec<_>>(), [Some(1), Some(-7), None]);
    let s = got.rows.column(1).as_string::<i32>();
    assert_eq!(s.iter().collect::<Vec<_>>(), [Some("x"), Some("y\né"), None]);
    let l = got.rows.column(2).as_list::<i32>();
    assert_eq!(l.offsets().as_ref(), [0, 2, 2, 2]);
    assert_eq!(l.iter().map(|row| row.is_some()).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn bad_records_stand_aside_with_place_and_reason() {
    let got = lines("{\"a\":1}\n{\"a\":\"abc\"}\r\n\n{\"l\":[1,{}]}\nnonsense\n{\"a\":2}\n{\"a\":3");
    let a = got.rows.column(0).as_primitive::<Int64Type>();
    assert_eq!(a.values().as_ref(), [1, 2]);
    let bad: Vec<_> = got.bad.iter().map(|bad| (bad.row, bad.bytes.clone(), bad.line, bad.column, bad.reason.as_str())).collect();
    assert_eq!(
        bad,
        [
            (1, 8..19, 1, 6, "expected an int64, found \"abc\" (field `a`)"),
            (1, 22..34, 3, 9, "expected an int64, found an object (field `l[]`)"),
            (1, 35..43, 4, 1, "expected an object, found `nonsense`"),
            (2, 52..58, 6, 7, "expected `,` or `}`, found the end"),
        ]
    );
}

#[test]
fn an_unfinished_line_is_left_alone() {
    let got = scanner(Unknown::Ignore).lines(b"{\"a\":1}\n{\"a\":2", false).unwrap();
    assert_eq!((got.rows.num_rows(), got.consumed, got.lines), (1, 8, 1));
}

#[test]
fn drift_stops_before_the_record() {
    let text = b"{\"a\":1}\n{\"a\":2,\"new\":null}\n{\"a\":3,\"new\":{\"x\":1.5},\"t\":\"2024-01-02T03:04:05Z\"}\n{\"a\":4}\n";
    let got = scanner(Unknown::Report).lines(text, true).unwrap();
    assert_eq!((got.rows.num_rows(), got.consumed, got.lines), (2, 27, 2));
    let added: Vec<_> = got.drift.unwrap().added.iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(added, ["new Struct(\"x\": Float64)", "t Timestamp(µs, \"+00:00\")"]);
    assert_eq!(scanner(Unknown::Ignore).lines(text, true).unwrap().rows.num_rows(), 4);
}

#[test]
fn messages_may_hold_newlines() {
    let block = b"{\"a\":\n1}{\"a\":x}{\"a\":3}\n";
    let got = scanner(Unknown::Ignore).messages(block, &[8, 15, 23]).unwrap();
    let a = got.rows.column(0).as_primitive::<Int64Type>();
    assert_eq!(a.values().as_ref(), [1, 3]);
    assert_eq!((got.consumed, got.lines, got.bad.len()), (23, 2, 1));
    let bad = &got.bad[0];
    assert_eq!((bad.row, bad.bytes.clone(), bad.line, bad.column), (1, 8..15, 1, 6));
}
