//! Generated rows are the same for ever, and valid JSON.
use thyme_testkit::data::{FIELDS, Row, write_jsonl};

#[test]
fn rows_are_json_with_every_field() {
    for id in 0..2000 {
        let (row, mut line) = (Row::of(id), Vec::new());
        row.write_json(&mut line).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value.as_object().unwrap().len(), FIELDS.len());
        assert!(FIELDS.iter().all(|(name, _)| value.get(name).is_some()), "{value}");
        // serde_json rounds the last bit of some numbers, the standard library none.
        let text = str::from_utf8(&line).unwrap();
        let score = text.split_once("\"score\":").unwrap().1.split(',').next().unwrap();
        assert_eq!(score.parse::<f64>().unwrap().to_bits(), row.score.to_bits());
        assert_eq!(value["meta"].to_string(), row.meta);
        assert_eq!(value["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond(), row.at);
        let cents = format!("{}", row.amount).parse::<f64>().unwrap() / 100.0;
        assert_eq!(value["amount"].as_f64(), Some(cents));
        assert!((20..=60).contains(&row.text.chars().count()) || row.text.chars().count() == 19, "{}", row.text);
    }
}

#[test]
fn a_row_stays_what_it_is() {
    let mut line = Vec::new();
    Row::of(7).write_json(&mut line).unwrap();
    assert_eq!(String::from_utf8(line).unwrap(), include_str!("row_7.jsonl"));
}

#[test]
fn files_are_streamed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    write_jsonl(&path, 5..1005).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 1000);
    assert!(text.starts_with("{\"id\":5,"), "{}", &text[..80]);
}
