//! Blocks cut at every place, files that are one value or an array, records that are too long or too deep.
use std::ops::Range;
use std::sync::Arc;

use thyme_core::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use thyme_formats::json::{ArraySplitter, JsonOptions, JsonScanner};
use thyme_formats::scan::Scanned;

use crate::json_reference::shown;

const LINES: &[u8] = b"{\"a\":1,\"s\":\"x\xC3\xA9\"}\r\n\n{\"s\":\"\\u00e9\\n\",\"a\":-2}\n{\"a\":true}\n \t\r\n{\"a\":1.0,\"s\":null,\"b\":[{}]}\nbroken\n{\"s\":\"\xFF\"}\n{\"a\":18}";

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("s", DataType::Utf8, true)]))
}

fn scanner(options: JsonOptions) -> JsonScanner {
    JsonScanner::new(&schema(), options).unwrap()
}

/// Rows and bad records as they stand in the file.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    rows: Vec<String>,
    bad: Vec<(usize, Range<usize>, u64, u64, String)>,
    lines: u64,
}

impl Seen {
    fn add(&mut self, got: &Scanned, offset: usize) {
        let before = self.rows.len();
        for bad in &got.bad {
            let bytes = bad.bytes.start + offset..bad.bytes.end + offset;
            self.bad.push((bad.row + before, bytes, bad.line + self.lines, bad.column, bad.reason.clone()));
        }
        for row in 0..got.rows.num_rows() {
            self.rows.push(got.rows.columns().iter().map(|column| shown(column, row)).collect::<Vec<_>>().join(" "));
        }
        self.lines += got.lines;
    }
}

fn whole() -> Seen {
    let mut seen = Seen::default();
    seen.add(&scanner(JsonOptions::default()).lines(LINES, true).unwrap(), 0);
    seen
}

#[test]
fn lines_cut_anywhere_are_the_same_lines() {
    let wanted = whole();
    assert_eq!(wanted.rows, ["1 \"xé\"", "-2 \"é\\n\"", "1 null", "18 null"]);
    assert_eq!(wanted.bad.iter().map(|bad| (bad.0, bad.2, bad.3)).collect::<Vec<_>>(), [(2, 3, 6), (3, 6, 1), (3, 7, 7)]);
    for first in 0..=LINES.len() {
        for second in [first, first + 1, first + 7, LINES.len()] {
            let mut scanner = scanner(JsonOptions::default());
            let mut seen = Seen::default();
            let mut offset = 0;
            for end in [first, second.min(LINES.len()), LINES.len()] {
                let got = scanner.lines(&LINES[offset..end.max(offset)], false).unwrap();
                seen.add(&got, offset);
                offset += got.consumed;
            }
            let got = scanner.lines(&LINES[offset..], true).unwrap();
            seen.add(&got, offset);
            assert_eq!(offset + got.consumed, LINES.len());
            assert_eq!(seen, wanted, "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_batch_has_no_more_rows_than_asked_for() {
    let wanted = whole();
    for rows_at_most in 1..5 {
        let mut scanner = scanner(JsonOptions { rows_at_most, ..JsonOptions::default() });
        let mut seen = Seen::default();
        let mut offset = 0;
        while offset < LINES.len() {
            let got = scanner.lines(&LINES[offset..], true).unwrap();
            assert!(got.rows.num_rows() <= rows_at_most);
            seen.add(&got, offset);
            offset += got.consumed;
        }
        assert_eq!(seen, wanted);
    }
}

#[test]
fn messages_are_the_records_of_lines() {
    let mut ends = Vec::new();
    let mut block = Vec::new();
    for line in LINES.split(|byte| *byte == b'\n').filter(|line| line.len() > 3) {
        block.extend_from_slice(line);
        ends.push(block.len());
    }
    let mut seen = Seen::default();
    seen.add(&scanner(JsonOptions::default()).messages(&block, &ends).unwrap(), 0);
    assert_eq!(seen.rows, whole().rows);
    assert_eq!(seen.bad.iter().map(|bad| (bad.0, bad.3)).collect::<Vec<_>>(), [(2, 6), (3, 1), (3, 7)]);
    // A character that a message ends in the middle of makes both bad, though the block is valid.
    let got = scanner(JsonOptions::default()).messages("{\"s\":\"é\"}".as_bytes(), &[7, 10]).unwrap();
    assert_eq!((got.rows.num_rows(), got.bad.len()), (0, 2));
    let empty = scanner(JsonOptions::default()).messages(b"{}", &[0, 2, 2]).unwrap();
    assert_eq!((empty.rows.num_rows(), empty.bad.len(), empty.bad[1].row), (1, 2, 1));
    scanner(JsonOptions::default()).messages(b"{}{}", &[2, 1]).unwrap_err();
    scanner(JsonOptions::default()).messages(b"{}{}", &[2, 5]).unwrap_err();
}

#[test]
fn a_line_that_is_too_long_is_one_bad_record() {
    let options = JsonOptions { record_bytes_at_most: 20, ..JsonOptions::default() };
    let mut scanner = scanner(options);
    let text = b"{\"a\":1}\n{\"s\":\"01234567890123456789\"}\n{\"a\":2}\n{\"s\":\"0123456789012";
    let got = scanner.lines(text, false).unwrap();
    assert_eq!((got.rows.num_rows(), got.consumed, got.bad.len()), (2, 45, 1));
    assert_eq!((got.bad[0].line, got.bad[0].bytes.clone()), (1, 8..36));
    assert_eq!(got.bad[0].reason, "the record is longer than 20 bytes");
    assert!(!scanner.inside_record());
    let got = scanner.lines(b"{\"s\":\"01234567890123456789", false).unwrap();
    assert_eq!((got.consumed, got.lines, got.bad.len(), scanner.inside_record()), (26, 0, 1, true));
    let got = scanner.lines(b"more of the same, and more", false).unwrap();
    assert_eq!((got.consumed, got.bad.len(), scanner.inside_record()), (26, 0, true));
    let got = scanner.lines(b"the end\"}\n{\"a\":3}\n", false).unwrap();
    assert_eq!((got.consumed, got.lines, got.rows.num_rows(), scanner.inside_record()), (18, 2, 1, false));
}

#[test]
fn what_is_too_deep_is_refused_where_serde_json_refuses_it() {
    let json = [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into_iter().collect();
    let raw = Arc::new(Schema::new(vec![Field::new("j", DataType::Utf8, true).with_metadata(json)]));
    for schema in [schema(), raw] {
        for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
            for depth in [1, 125, 126, 127, 128, 129, 100_000] {
                let line = format!("{{\"j\":{}1{}}}\n{{}}", open.repeat(depth), close.repeat(depth));
                let first = line.split('\n').next().unwrap();
                let wanted = serde_json::from_str::<serde_json::Value>(first).is_ok();
                let got = JsonScanner::new(&schema, JsonOptions::default()).unwrap().lines(line.as_bytes(), true).unwrap();
                assert_eq!(got.rows.num_rows(), 1 + usize::from(wanted), "{depth}");
                assert!(wanted || got.bad[0].reason.starts_with("nested more than 127 deep"), "{}", got.bad[0].reason);
            }
            let line = open.repeat(100_000);
            let got = JsonScanner::new(&schema, JsonOptions::default()).unwrap().lines(line.as_bytes(), true).unwrap();
            assert_eq!((got.rows.num_rows(), got.bad.len()), (0, 1));
        }
    }
    let mut nested = DataType::Int64;
    for _ in 0..125 {
        nested = DataType::List(Arc::new(Field::new("item", nested, true)));
    }
    let schema = Arc::new(Schema::new(vec![Field::new("j", nested, true)]));
    for depth in [125, 126, 127, 100_000] {
        let line = format!("{{\"j\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let got = JsonScanner::new(&schema, JsonOptions::default()).unwrap().lines(line.as_bytes(), true).unwrap();
        assert_eq!(got.rows.num_rows(), usize::from(depth == 125));
    }
}

/// The records of a file that is fed in blocks cut at these places, and how it broke.
fn split(file: &[u8], cuts: &[usize]) -> (Vec<Range<usize>>, Option<(usize, String)>) {
    let mut splitter = ArraySplitter::new(1000);
    let mut records = Vec::new();
    let mut offset = 0;
    for (i, end) in cuts.iter().chain([&file.len()]).enumerate() {
        let got = splitter.split(&file[offset..(*end).max(offset)], i == cuts.len());
        records.extend(got.records.iter().map(|range| range.start + offset..range.end + offset));
        if let Some(broken) = got.broken {
            assert_eq!(broken.line, file[offset..offset + broken.at].iter().filter(|byte| **byte == b'\n').count() as u64);
            return (records, Some((broken.at + offset, broken.reason)));
        }
        offset += got.consumed;
    }
    (records, None)
}

#[test]
fn arrays_and_values_are_split() {
    type File = (&'static str, &'static [&'static str], Option<(usize, &'static str)>);
    let files: [File; 16] = [
        (
            " [ {\"a\":1} ,\n{\"a\":[\"]\\\"}\",{}]}, 12 ,\"x\",null]\n",
            &["{\"a\":1}", "{\"a\":[\"]\\\"}\",{}]}", "12", "\"x\"", "null"],
            None,
        ),
        ("[]", &[], None),
        ("", &[], None),
        ("{\n \"a\" : 1\n}\n", &["{\n \"a\" : 1\n}"], None),
        ("{\"a\":1}{\"a\":2}\n{\"a\":3}", &["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"], None),
        ("[{},,{}]", &["{}"], Some((4, "expected a record"))),
        ("[{},]", &["{}"], Some((4, "expected a record"))),
        ("[,{}]", &[], Some((1, "expected a record"))),
        ("[{} {}]", &["{}"], Some((4, "expected `,` or `]` after a record of the array"))),
        ("[{}]\n{}", &["{}"], Some((5, "expected nothing after the end of the array"))),
        ("[{}", &["{}"], Some((3, "the file ends before the `]` of its array"))),
        ("[{},{\"a\":1", &["{}"], Some((10, "the file ends inside a record"))),
        ("[{},{\"a\":]}]", &["{}"], Some((9, "a bracket that closes another kind"))),
        ("[{},{\"a\":\"\n\"}]", &["{}"], Some((10, "a string without its closing quote"))),
        ("{},{}", &["{}"], Some((2, "expected a record"))),
        ("[\"a\\", &[], Some((4, "the file ends inside a record"))),
    ];
    for (file, records, broken) in files {
        let bytes = file.as_bytes();
        let broken = broken.map(|(at, reason)| (at, reason.to_owned()));
        for first in 0..=bytes.len() {
            for second in [first, (first + 1).min(bytes.len()), (first + 5).min(bytes.len())] {
                let got = split(bytes, &[first, second]);
                let texts: Vec<_> = got.0.iter().map(|range| &file[range.clone()]).collect();
                assert_eq!((texts, &got.1), (records.to_vec(), &broken), "{file} cut at {first} and {second}");
            }
        }
    }
}

#[test]
fn a_record_that_is_too_long_or_too_deep_does_not_take_the_others_along() {
    let file = format!("[{{\"a\":1}},{{\"s\":\"{}\"}}]", "x".repeat(2000));
    let (records, broken) = split(file.as_bytes(), &[]);
    assert_eq!((records.len(), broken), (1, Some((9, "a record longer than 1000 bytes".into()))));
    let deep = format!("[{{\"a\":1}},{}{},{{\"a\":2}}]", "[".repeat(400), "]".repeat(400));
    let (records, broken) = split(deep.as_bytes(), &[]);
    assert_eq!((records.len(), broken), (3, None));
    let got = scanner(JsonOptions::default()).records(deep.as_bytes(), &records).unwrap();
    assert_eq!((got.rows.num_rows(), got.bad.len(), got.bad[0].row), (2, 1, 1));
    assert_eq!(got.consumed, deep.len() - 1);
}
